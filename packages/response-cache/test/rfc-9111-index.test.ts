// Every MUST and MUST NOT of RFC 9111 that a shared cache on the server can meet, and the SHOULDs on which it decides what a
// client gets, each with the test that shows it. The test below looks up all of them.
//
// Not here, since they ask nothing of such a cache: §3.4 (combining parts: it stores none), §5.4 and §5.5 (deprecated), and
// what §5.2.1 asks of caches that obey request directives beyond those listed.
// Stricter than the RFC: `Set-Cookie` keeps a response out even when it is public (§7.3); `private` and `no-cache` with
// field names count as without (§5.2.2.4, §5.2.2.7 allow that); must-revalidate alone is no permission to share (§3.5).
// Departs from it, and says so in the code and the README: fields made anew for each request (rate limits, request ids) are
// not stored (§3.1); `s-maxage` with a time for stale use allows that (§5.2.2.10); a 304 without a validator confirms what
// the handler was asked about (§4.3.4).

import { describe, expect, it } from '@jest/globals';
import { namedTests } from './named-tests.js';

/** Section, what it asks for, the file of the test, and the beginning of its name. */
type Row = readonly [section: string, requirement: string, file: string, test: string];

const ROWS: readonly Row[] = [
  ['3', 'the method is understood', 'leaks-requests', 'answers no POST from a stored GET'],
  ['3', 'the status is final', 'rfc-9111-requirements', 'stores the final response and nothing'],
  ['3', 'the status is understood', 'rfc-9111-requirements', 'stores no status that it does not know'],
  ['3', 'heuristically cacheable, or says for how long', 'cache-policy', 'stores %i only with a life of its own'],
  ['3', 'no errors', 'cache-policy', 'never stores %i'],
  ['3.1', 'all fields are stored', 'rfc-9111-requirements', 'stores every field of the handler'],
  ['3.1', 'not what Connection names', 'rfc-9111', 'never stores what Connection names'],
  ['3.1', 'not the fields of a proxy, of the connection', 'leaks-responses', 'replays none of the connection'],
  ['3.2', 'newer fields replace stored ones', 'rfc-9111-validation', 'replaces every field that it has'],
  ['3.3', 'no incomplete response: cut off', 'leaks-responses', 'stores nothing of a response that the server cuts'],
  ['3.3', 'no incomplete response: too short', 'leaks-responses', 'stores nothing that is shorter than its'],
  ['3.3', 'no partial content', 'leaks-responses', 'keeps partial content out'],
  ['3.5', 'nothing of a request with Authorization', 'leaks-identity', 'stores no response to a request with Auth'],
  ['3.5', 'nothing to a request with Authorization', 'leaks-identity', 'gives a request with Authorization its own'],
  ['3.5', 'but what says that it is shared', 'cache-policy', 'decides on a response with'],
  ['4', 'the URI matches, its origin too', 'leaks-requests', 'keeps what is made with a forged Host'],
  ['4', 'the method matches', 'leaks-requests', 'never stores the empty answer to a HEAD'],
  ['4', 'fresh, or validated', 'response-cache', 'is asked for anew when its life is over'],
  ['4', 'the most recent of several', 'rfc-9111-validation', 'is what the client gets, and what is stored'],
  ['4', 'unsafe requests go through', 'rfc-9111-requirements', 'hands an unsafe request to its handler'],
  ['4.1', 'the fields that Vary names match', 'leaks-requests', 'keeps a variant for each value of the headers'],
  ['4.1', 'absent matches absent only', 'rfc-9111-requirements', 'takes a header that is absent for no match'],
  ['4.1', '`*` matches nothing', 'leaks-requests', 'never stores a response with Vary: *'],
  ['4.1', 'waiting requests too', 'coalescing', 'give each variant to its own'],
  ['4.2', 'age at or over the lifetime is not fresh', 'cache-policy', 'an age over its life'],
  ['4.2.1', 's-maxage, max-age, Expires', 'cache-policy', 's-maxage before max-age and Expires'],
  ['4.2.1', 'what is no number is stale', 'rfc-9111', 'a max-age that is no number'],
  ['4.2.2', 'no heuristics beside an explicit time', 'heuristics', 'is not used where there is %s'],
  ['4.2.2', 'only for statuses that allow them', 'heuristics', 'gives no life to a status'],
  ['4.2.3', 'age by Date', 'rfc-9111', 'keeps the Date of the handler, and counts it'],
  ['4.2.3', 'age by Age and the delay', 'rfc-9111-requirements', 'adds the time that the handler took'],
  ['4.2.4', 'no stale use that is prohibited', 'rfc-9111-requirements', 'allows no stale use by its own opinion'],
  ['4.2.4', 'no stale use without permission', 'rfc-9111-validation', 'is not covered when it is a failure'],
  ['4.2.4', 'none by a clock that lags', 'clock', 'serves nothing stale that must be revalidated'],
  ['4.3.1', 'sends the stored validators', 'rfc-9111-validation', 'has the stored validators, all of them'],
  ['4.3.1', 'also its own', 'rfc-9111-validation', 'has the tag that the cache itself has given'],
  ['4.3.2', 'leaves the conditions of origins alone', 'leaks-requests', 'leaves a request with %s to the handler'],
  ['4.3.2', "answers the client's own conditions", 'stale', 'gives the client its own 304'],
  ['4.3.2', 'hands on a 304 that is for the client', 'rfc-9111-validation', "with another tag, which is the client's"],
  ['4.3.3', 'a whole response is used', 'rfc-9111-validation', 'is what the client gets'],
  ['4.3.4', 'updates what is confirmed', 'rfc-9111-validation', 'with %s freshens what is stored'],
  ['4.3.4', 'and nothing else', 'rfc-9111-validation', 'with %s freshens nothing: the whole is asked'],
  ['4.3.5', 'HEAD updates', 'rfc-9111-validation', 'freshens what is stored, when it has its validators'],
  ['4.3.5', 'HEAD of another is not used', 'rfc-9111-validation', 'with %s freshens nothing'],
  ['4.3.5', 'HEAD of another makes stale', 'rfc-9111-validation', 'with another tag makes stale what is fresh'],
  ['4.4', 'the target becomes invalid', 'rfc-9111-requirements', 'by %s makes its target invalid'],
  ['4.4', 'all that is stored for it', 'rfc-9111-requirements', 'reaches the copies of all users'],
  ['4.4', 'not by an error', 'rfc-9111', 'leave it alone when they fail'],
  ['4.4', 'Location and Content-Location', 'rfc-9111', 'make Location and Content-Location of the same host'],
  ['4.4', 'never of another origin', 'rfc-9111-requirements', 'leaves %s alone, which is %s'],
  ['4.4', 'before the client knows', 'unsafe-methods', 'answered by %s lets its client read what it wrote'],
  ['5.1', 'Age on what is not validated', 'response-cache', 'tells its age by the time since it was stored'],
  ['5.1', 'the first of a list, no number ignored', 'rfc-9111-requirements', 'takes Age "%s" for %i'],
  ['1.2.2', 'large numbers', 'rfc-9111-requirements', 'takes what is more than 2^31 seconds'],
  ['5.2', 'directives are passed on', 'rfc-9111-requirements', 'passes the directives of the handler on'],
  ['5.2', 'names in any case, lines are one list', 'rfc-9111', 'reads several lines as one list'],
  ['5.2.1.1', 'max-age of a request', 'rfc-9111', 'a max-age that is exceeded'],
  ['5.2.1.2', 'max-stale', 'rfc-9111', 'answers %s about %j by %s'],
  ['5.2.1.5', 'no-store of a request', 'leaks-requests', 'stores no response to a request with no-store'],
  ['5.2.1.7', 'only-if-cached', 'rfc-9111', 'answers only-if-cached by 504'],
  ['5.2.2.1', 'max-age', 'rfc-9111-directives', 'lets %s decide how long'],
  ['5.2.2.2', 'must-revalidate: an error rather than stale', 'stale', 'lets the error through where must-revalidate'],
  ['5.2.2.3', 'must-understand', 'rfc-9111', 'stores what must be understood in spite of'],
  ['5.2.2.4', 'no-cache', 'cache-policy', 'no-cache (RFC'],
  ['5.2.2.5', 'no-store', 'cache-policy', 'no-store (RFC'],
  ['5.2.2.6', 'no-transform', 'rfc-9111-directives', 'takes no-transform for no reason'],
  ['5.2.2.7', 'private', 'leaks-identity', 'still stores nothing that is private'],
  ['5.2.2.8', 'proxy-revalidate', 'rfc-9111-directives', 'forbids stale use by proxy-revalidate'],
  ['5.2.2.9', 'public', 'rfc-9111-directives', 'shares what was made for a request with credentials'],
  ['5.2.2.10', 's-maxage', 'rfc-9111-directives', 'puts s-maxage before max-age'],
  ['5.2.3', 'unknown directives are ignored', 'rfc-9111-requirements', 'ignores what it does not know'],
  ['5.3', 'an Expires that is no date is past', 'cache-policy', 'Expires: 0'],
  ['5.3', 'max-age before Expires', 'cache-policy', 'max-age before Expires'],
];

describe('the requirements of RFC 9111', () => {
  it('have a test each, which names the section', async () => {
    const named = await namedTests();
    const missing = ROWS.filter(([section, , file, test]) => {
      const isCited = (name: string) => name.includes(`§${section})`) || name.includes(`§${section},`);
      return !named.get(file)?.some((name) => name.startsWith(test) && isCited(name));
    });
    expect(missing).toStrictEqual([]);
    expect(new Set(ROWS.map(([section]) => section)).size).toBeGreaterThan(35);
  });
});
