// The ways in which caches of Express responses are known to leak, or to serve what is wrong, each with the test that shows
// that this one does not; on Express 4 and 5. The test below looks up all of them.

import { describe, expect, it } from '@jest/globals';
import { namedTests } from './named-tests.js';

type Row = readonly [leak: string, file: string, test: string];

const ROWS: readonly Row[] = [
  ['a purge while the handler runs is undone', 'response-cache', 'by %s win over a response that is being made'],
  ['by another process', 'two-processes', 'never store a response that a purge by the other has overtaken'],
  ['by a tag that the handler gives', 'tags', 'that come from the handler keep its response out'],
  ['many misses run the handler many times', 'coalescing', 'run the handler once, and say so'],
  ['who waits gets what is for another: a cookie', 'coalescing', 'Set-Cookie'],
  ['who waits gets what is for another: private', 'coalescing', 'private'],
  ['who waits gets what is for another: no-store', 'coalescing', 'no-store'],
  ['who waits gets what is for another: Vary', 'coalescing', 'give each variant to its own'],
  ['who waits gets what is for another: a session', 'leaks-real-layers', 'shares no run of the handler with those who'],
  ['clients with credentials wait for others', 'coalescing', 'of clients with cookies or credentials wait for nobody'],
  ['keys that cannot be shared queue up', 'coalescing', 'of a key whose responses cannot be shared'],
  ['errors are stored', 'leaks-responses', 'keeps the answer of an error handler out'],
  ['an error comes back as 200', 'leaks-responses', 'stores 404 with its status'],
  ['bodies without bound', 'leaks-responses', 'sends a body over maxBodyBytes unchanged'],
  ['keys without an end', 'response-cache', 'gives every key a TTL'],
  ['an evicted version brings back what was purged', 'leaks-capture', 'is stale when its version %s has been evicted'],
  ['an evicted record of Vary mixes variants', 'leaks-requests', 'serves no variant once the record'],
  ['nodes of a Cluster', 'cluster', 'stores, varies and purges on all nodes'],
  ['Set-Cookie by setHeader', 'leaks-identity', 'setHeader'],
  ['Set-Cookie by res.cookie', 'leaks-identity', 'res.cookie'],
  ['Set-Cookie by appendHeader', 'leaks-identity', 'appendHeader'],
  ['Set-Cookie by setHeaders', 'leaks-capture', 'setHeaders'],
  ['Set-Cookie by writeHead with an object', 'leaks-identity', 'writeHead with an object'],
  ['Set-Cookie by writeHead with a list of values', 'leaks-identity', 'writeHead with a list of values'],
  ['Set-Cookie by writeHead with a reason', 'leaks-identity', 'writeHead with a reason and an object'],
  ['Set-Cookie by writeHead with an array', 'leaks-identity', 'writeHead with an array'],
  ['Set-Cookie by writeHead with pairs', 'leaks-identity', 'writeHead with an array of pairs'],
  ['Set-Cookie with no header before', 'leaks-identity', 'also when no header at all was set before writeHead'],
  ['Set-Cookie by flushHeaders', 'leaks-capture', 'setHeader before flushHeaders'],
  [
    'Set-Cookie by a layer in front, at the end',
    'leaks-identity',
    'stores nothing when a layer in front sets a cookie',
  ],
  ['the cookie of a session', 'leaks-real-layers', 'stores no response that begins a session'],
  ['Authorization is stored', 'leaks-identity', 'stores no response to a request with Authorization'],
  ['Authorization is answered', 'leaks-identity', 'gives a request with Authorization its own response'],
  ['Cookie is ignored', 'leaks-identity', 'neither stores a response to a request with a cookie'],
  ['a session with data', 'leaks-identity', 'stores no response to a session with data'],
  ['a user', 'leaks-identity', 'stores no response to a request with a user'],
  ['API keys', 'attacks-requests', 'is told by %s: %s'],
  ['a copy for each user is not', 'leaks-identity', 'keeps a copy for each user'],
  ['Vary is ignored', 'leaks-requests', 'keeps a variant for each value'],
  ['Vary: *', 'leaks-requests', 'never stores a response with Vary: *'],
  ['CORS without Vary', 'leaks-requests', 'gives no response made for one origin to another'],
  ['private, no-store, no-cache', 'leaks-responses', 'private'],
  ['compression in front or behind', 'leaks-responses', '%s the cache: each client gets what it can read'],
  ['the real compression', 'leaks-real-layers', 'gives compressed and plain bytes each to those'],
  ['encoding without Vary', 'leaks-responses', 'gives encoded bytes only to those who take them'],
  ['half of a compressed body', 'leaks-responses', 'stores nothing of a compressed response that breaks'],
  ['a 304 is stored on a miss', 'leaks-responses', 'stores the whole page although the first client'],
  ['HEAD is stored for GET', 'leaks-requests', 'never stores the empty answer to a HEAD'],
  ['206 is stored', 'leaks-responses', 'keeps partial content out'],
  ['a client that leaves', 'leaks-responses', 'stores nothing of a response that a client leaves'],
  ['a client that leaves, and a handler that goes on', 'leaks-responses', 'stores the whole response when the client'],
  ['a body shorter than announced', 'leaks-responses', 'stores nothing that is shorter'],
  ['a server that cuts off', 'leaks-responses', 'stores nothing of a response that the server cuts'],
  ['encodings of write', 'leaks-responses', 'decodes what is written in another encoding'],
  ['a buffer that is used again', 'leaks-responses', 'keeps a copy of what is written'],
  ['early hints', 'rfc-9111-requirements', 'stores the final response and nothing of what'],
  ['trailers', 'leaks-responses', 'stores no response with trailers'],
  ['a stream without an end', 'leaks-responses', 'does not touch a stream of events'],
  ['a connection that is taken over', 'leaks-capture', 'stores nothing when the handler takes the connection'],
  ['an upgrade', 'leaks-capture', 'refuses an upgrade'],
  ['a tag is compared with that of another URL', 'leaks-capture', 'compares tags with those of the same URL'],
  ['a generated tag is strong', 'response-cache', 'gives a weak tag to a response that has none'],
  ['variants without bound', 'leaks-requests', 'keeps at most 32 variants'],
  ['a forged Host', 'leaks-requests', 'keeps what is made with a forged Host'],
  ['a header that the key does not hold', 'leaks-keys', 'hides'],
  ['names of objects', 'leaks-capture', 'tells keys apart that are names of objects'],
  ['keys that are made to look alike', 'leaks-identity', 'tells apart users and keys'],
  ['headers of one request are replayed', 'leaks-responses', 'replays none of the connection'],
  ['a path that looks like a file', 'leaks-keys', 'is refused: a page under %s'],
];

describe('the known leaks', () => {
  it('have a test each', async () => {
    const named = await namedTests();
    const missing = ROWS.filter(([, file, test]) => !named.get(file)?.some((name) => name.startsWith(test)));
    expect(missing).toStrictEqual([]);
    expect(ROWS.length).toBeGreaterThanOrEqual(40);
  });
});
