import { beforeAll, describe, expect, it } from '@jest/globals';
import { connect, expressVersions, listen, uniquePrefix } from '@sallyport/testkit';
import { idempotency } from '@sallyport/idempotency';
import { exchange, headerOf, without, type Exchange } from './exchange.js';
import { shapes } from './shapes.js';

/** A kept body is sent with its length, whether or not the first one was sent in chunks. */
const framing = ['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'date', 'trailer'];

function withoutFraming(answer: Exchange): Exchange {
  return without(answer, ...framing, 'idempotency-replayed');
}

describe.each(expressVersions)('an answer on $name', ({ name, express }) => {
  const runs: Record<string, number> = {};
  let url = '';

  beforeAll(async () => {
    const redis = connect();
    const app = express();
    app.set('env', 'test');
    const once = idempotency({ redis, scope: 'public', prefix: uniquePrefix('shapes'), deadlineMs: 5_000 });
    for (const [shape, handler] of Object.entries(shapes)) {
      const path = `/${encodeURIComponent(shape)}`;
      app.post(`/plain${path}`, handler);
      app.post(`/once${path}`, once, (req, res, next) => {
        runs[shape] = (runs[shape] ?? 0) + 1;
        return handler(req, res, next);
      });
    }
    ({ url } = await listen(app));
  });

  it.each(Object.keys(shapes))('is the same without the middleware, with it, and replayed: %s', async (shape) => {
    const headers = { 'Idempotency-Key': `"${name} ${shape}"` };
    const path = encodeURIComponent(shape);
    const plain = await exchange(`${url}/plain/${path}`, { headers });
    const first = await exchange(`${url}/once/${path}`, { headers });
    const second = await exchange(`${url}/once/${path}`, { headers });
    const third = await exchange(`${url}/once/${path}`, { headers });

    // The page for missing routes names the path.
    const expected = { ...plain, body: plain.body.replaceAll('/plain/', '/once/') };
    expect(without(first, 'date', 'content-length', 'idempotency-retention')).toStrictEqual(
      without(expected, 'date', 'content-length'),
    );
    expect(headerOf(first, 'content-length') === undefined).toBe(headerOf(plain, 'content-length') === undefined);
    expect(withoutFraming(second)).toStrictEqual(withoutFraming(first));
    expect(withoutFraming(third)).toStrictEqual(withoutFraming(first));
    expect(headerOf(first, 'idempotency-replayed')).toBeUndefined();
    expect(headerOf(second, 'idempotency-replayed')).toBe('true');
    expect(runs[shape]).toBe(1);
  });
});
