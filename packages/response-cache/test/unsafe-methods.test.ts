import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, expressVersions, listen, startProxy, until, within } from '@sallyport/testkit';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { once } from 'node:events';
import { site } from './fixture.js';

const server = await dedicatedRedis();

describe.each(expressVersions)('an unsafe request on $name', ({ express }) => {
  /** A counter that POST raises, answered in the given way. */
  function counter(answer: RequestHandler, options: Parameters<typeof site>[1] = {}) {
    const shop = site(express, options);
    const state = { count: 0 };
    shop.serve((req, res, next) => {
      if (req.method === 'GET') return void res.send(String(state.count));
      state.count += 1;
      return answer(req, res, next);
    });
    return { ...shop, state };
  }

  const ways: Record<string, RequestHandler> = {
    json: (_req, res) => void res.json({ done: true }),
    'end with a text': (_req, res) => void res.end('done'),
    'end without a body': (_req, res) => void res.status(204).end(),
    'a redirect': (_req, res) => res.redirect(303, '/'),
    'writeHead and several writes': (_req, res) => {
      res.writeHead(200, { 'Content-Length': '6' });
      res.write('one');
      res.write('two');
      res.end();
    },
    'a stream that waits for drain': async (_req, res) => {
      res.type('text');
      for (let count = 0; count < 5; count += 1) if (!res.write('part')) await once(res, 'drain');
      res.end();
    },
    flushHeaders: (_req, res) => {
      res.flushHeaders();
      res.end('done');
    },
  };

  it.each(Object.keys(ways))('answered by %s lets its client read what it wrote (RFC 9111 §4.4)', async (way) => {
    const shop = counter(ways[way] as RequestHandler);
    for (let round = 1; round <= 5; round += 1) {
      await shop.get('/');
      expect((await shop.post('/')).status).toBeLessThan(400);
      expect((await shop.get('/')).text).toBe(String(round));
    }
  });

  it('gets its whole answer, with its length', async () => {
    const shop = counter((_req, res) => void res.end('grüße'));
    const { status, text, headers } = await shop.post('/');
    expect({ status, text, length: headers['content-length'] }).toStrictEqual({
      status: 200,
      text: 'grüße',
      length: '7',
    });
    const streamed = counter(ways['a stream that waits for drain'] as RequestHandler);
    expect((await streamed.post('/')).text).toBe('part'.repeat(5));
  });

  it.each(['paused', 'stopped'] as const)('is held up no longer than the deadline when Redis is %s', async (how) => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const shop = counter((_req, res) => void res.json({ done: true }), { redis, deadlineMs: 50 });
    await until(async () => (await shop.get('/')).cache === 'HIT');
    if (how === 'paused') proxy.blackHole();
    else await proxy.refuse();
    const asking = shop.post('/');
    expect(await within(1_000, asking)).toBeLessThan(50 + 300);
    expect(await asking).toMatchObject({ status: 200, text: '{"done":true}' });
    expect(shop.events).toContainEqual(expect.objectContaining({ type: 'store-failure', operation: 'write' }));
    await proxy.heal();
  });

  describe('whose handler fails after it has answered', () => {
    const fails: RequestHandler = (_req, res, next) => {
      res.json({ done: true });
      next(new Error('too late'));
    };
    const onError: ErrorRequestHandler = (error, _req, res, next) => {
      if (res.headersSent) return next(error);
      return void res.status(500).json({ failed: true });
    };

    /** Status and body of a POST, over a Redis that takes a while; then whether the connection lives on. */
    async function answered(handler: RequestHandler, isCached: boolean, withOnError: boolean) {
      const proxy = await startProxy({ port: server.port });
      const redis = proxy.client();
      const shop = site(express, { redis });
      const errors: unknown[] = [];
      if (isCached) shop.app.use(shop.cached);
      shop.app.post('/', handler);
      shop.app.get('/', (_req, res) => void res.send('page'));
      if (withOnError) shop.app.use(onError);
      // Express writes what nobody has taken to the console, but for this.
      shop.app.set('env', 'test');
      await shop.get('/');
      proxy.delay(60);
      const { url, server: http } = await listen(shop.app);
      const closed = new Promise<void>((resolve) => {
        http.once('connection', (socket) => socket.once('close', () => resolve()));
      });
      const response = await fetch(url, { method: 'POST' }).catch((error: unknown) => errors.push(error));
      if (typeof response === 'number') return { error: true };
      const text = await response.text().catch(() => 'cut off');
      if (response.status === 200) await within(5_000, closed);
      const isPurged = shop.events.some(({ type }) => type === 'invalidated');
      return { status: response.status, text, isPurged };
    }

    it.each([true, false])(
      'is answered, and closed, as without a cache (an error handler of its own: %p)',
      async (own) => {
        const plain = await answered(fails, false, own);
        const cached = await answered(fails, true, own);
        expect(plain).toStrictEqual({ status: 200, text: '{"done":true}', isPurged: false });
        expect(cached).toStrictEqual({ ...plain, isPurged: true });
      },
    );

    it('in the middle of its answer is cut off, as without a cache', async () => {
      const breaks: RequestHandler = (_req, res, next) => {
        res.set('Content-Length', '10');
        res.write('part');
        next(new Error('too late'));
      };
      const [plain, cached] = [await answered(breaks, false, false), await answered(breaks, true, false)];
      expect([plain, cached].map((answer) => answer.text ?? 'cut off')).toStrictEqual(['cut off', 'cut off']);
    });

    it('gets the answer of the error handler when it fails before', async () => {
      const early: RequestHandler = (_req, _res, next) => next(new Error('early'));
      expect(await answered(early, true, true)).toMatchObject({
        status: 500,
        text: '{"failed":true}',
        isPurged: false,
      });
    });
  });
});
