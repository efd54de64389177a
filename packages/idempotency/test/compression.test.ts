import { describe, expect, it } from '@jest/globals';
import compression from 'compression';
import { connect, expressVersions, listen, uniquePrefix } from '@sallyport/testkit';
import { gunzipSync } from 'node:zlib';
import { idempotency } from '@sallyport/idempotency';
import { exchange, headerOf, type Exchange } from './exchange.js';

const text = 'the same words again and again, '.repeat(200);
const decoded = ({ body, headers }: Exchange) => {
  const isGzip = headerOf({ body, headers } as Exchange, 'content-encoding') === 'gzip';
  return isGzip ? gunzipSync(Buffer.from(body, 'latin1')).toString() : body;
};

describe.each(expressVersions)('an answer that is compressed on $name', ({ express }) => {
  async function serve(where: 'above' | 'below') {
    const prefix = uniquePrefix('gzip');
    const once = idempotency({ redis: connect(), scope: 'public', prefix, deadlineMs: 5_000 });
    let runs = 0;
    const app = express();
    // `compression` is written for both majors; its types name one of them.
    const compress = compression({ threshold: 0 });
    app.use(...(where === 'above' ? [compress, once] : [once, compress]));
    app.post('/send', (_req, res) => {
      runs += 1;
      res.type('text/plain').send(text);
    });
    app.post('/stream', (_req, res) => {
      runs += 1;
      res.type('text/plain').write(text);
      res.flush();
      setImmediate(() => res.end(text));
    });
    const { url } = await listen(app);
    const send = (path: string, encoding: string) =>
      exchange(`${url}${path}`, { headers: { 'Idempotency-Key': '"a"', 'Accept-Encoding': encoding } });
    return { send, runs: () => runs };
  }

  it.each(['above', 'below'] as const)('%s the middleware is the same again, and still compressed', async (where) => {
    const { send, runs } = await serve(where);
    for (const path of ['/send', '/stream']) {
      const first = await send(path, 'gzip');
      const second = await send(path, 'gzip');
      expect(headerOf(first, 'content-encoding')).toBe('gzip');
      expect(headerOf(second, 'content-encoding')).toBe('gzip');
      expect(headerOf(second, 'vary')).toBe(headerOf(first, 'vary'));
      expect(headerOf(second, 'idempotency-replayed')).toBe('true');
      expect(decoded(first)).toBe(path === '/send' ? text : text + text);
      expect(decoded(second)).toBe(decoded(first));
      // Below, the compressed bytes themselves are kept.
      if (where === 'below') expect(second.body).toBe(first.body);
    }
    expect(runs()).toBe(2);
  });

  it('above the middleware is compressed anew for each client, as it accepts', async () => {
    const { send, runs } = await serve('above');
    const first = await send('/send', 'gzip');
    const second = await send('/send', 'identity');
    expect([headerOf(second, 'content-encoding'), second.body]).toStrictEqual([undefined, text]);
    expect(decoded(first)).toBe(text);
    expect(runs()).toBe(1);
  });
});
