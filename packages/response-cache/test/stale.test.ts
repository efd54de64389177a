import { describe, expect, it } from '@jest/globals';
import { deferred, expressVersions, until } from '@sallyport/testkit';
import { connect } from 'node:net';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { isRevalidation } from '../src/index.js';
import { site } from './fixture.js';
import { session } from './layers.js';

describe.each(expressVersions)('stale responses, on $name', ({ express }) => {
  /** Waits until what is stored is fresh no more, by the clock of Redis. */
  async function stale(shop: ReturnType<typeof site>): Promise<void> {
    await until(() => shop.events.some(({ type }) => type === 'stored'));
    await until(async () => (await shop.redis.keys(`${shop.prefix}*fresh-*`)).length === 0);
    shop.events.length = 0;
  }

  describe('revalidation', () => {
    it('hands the handler its own validators, and freshens what is stored by its 304 (RFC 9111 §4.3.3, §3.2)', async () => {
      const shop = site(express, { ttlMs: 20 });
      const seen: unknown[] = [];
      shop.serve((req, res) => {
        seen.push(req.headers['if-none-match']);
        res.set({ ETag: '"v1"', 'X-Run': String(shop.runs.count), 'X-Made': 'once' });
        if (req.headers['if-none-match'] === '"v1"') {
          res.removeHeader('X-Made');
          return void res.status(304).end();
        }
        return void res.type('text/plain').send('page');
      });
      await shop.get('/');
      await stale(shop);
      const answer = await shop.get('/', { 'If-None-Match': '"mine"' });
      expect(answer).toMatchObject({ status: 200, text: 'page', cache: 'REVALIDATED' });
      expect(answer.headers).toMatchObject({
        'x-run': '2',
        'x-made': 'once',
        'content-type': 'text/plain; charset=utf-8',
      });
      expect(answer.headers['cache-status']).toBe('sallyport; fwd=stale; fwd-status=304');
      expect(seen).toStrictEqual([undefined, '"v1"']);
    });

    it('is fresh again after it', async () => {
      let maxAge = 0;
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => {
        if (maxAge > 0) res.set('Cache-Control', `max-age=${maxAge}`);
        res.set('ETag', '"v1"').send('page');
      });
      await shop.get('/');
      await stale(shop);
      maxAge = 60;
      expect((await shop.get('/')).cache).toBe('REVALIDATED');
      await until(async () => (await shop.get('/')).cache === 'HIT');
      expect((await shop.get('/')).text).toBe('page');
    });

    it('gives the client its own 304 when its copy is still right (RFC 9111 §4.3.2)', async () => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => void res.set('ETag', '"v1"').send('page'));
      await shop.get('/');
      await stale(shop);
      expect(await shop.get('/', { 'If-None-Match': '"v1"' })).toMatchObject({ status: 304, cache: 'REVALIDATED' });
    });

    it('takes the new response when there is one (RFC 9111 §4.3.3)', async () => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => void res.send(`page ${shop.runs.count}`));
      await shop.get('/');
      await stale(shop);
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'page 2' });
    });

    it('gives a stale response of everyone to no personal request', async () => {
      const shop = site(express, { ttlMs: 20, staleWhileRevalidateMs: 60_000 });
      shop.serve((req, res) => void res.set('ETag', '"v1"').send(req.headers.cookie ?? 'nobody'));
      await shop.get('/');
      await stale(shop);
      expect(await shop.get('/', { Cookie: 'sid=1' })).toMatchObject({ cache: 'BYPASS', text: 'sid=1' });
    });
  });

  describe('stale-while-revalidate', () => {
    it.each(['directive', 'option'])(
      'answers at once and asks the handler afterwards, by %s (RFC 5861 §3)',
      async (by) => {
        const shop = site(express, { ttlMs: 20, ...(by === 'option' ? { staleWhileRevalidateMs: 60_000 } : {}) });
        shop.serve((req, res) => {
          if (by === 'directive') res.set('Cache-Control', 'max-age=1, stale-while-revalidate=60');
          res.set('X-Background', String(isRevalidation(req))).send(`page ${shop.runs.count}`);
        });
        await shop.get('/');
        await stale(shop);
        expect(await shop.get('/')).toMatchObject({ cache: 'STALE', text: 'page 1' });
        await until(() => shop.events.some(({ type }) => type === 'stored'));
        const next = await shop.get('/');
        expect(next.text).toBe('page 2');
        expect(next.headers['x-background']).toBe('true');
      },
    );

    it('asks once for many clients', async () => {
      const gate = deferred();
      const shop = site(express, { ttlMs: 20, staleWhileRevalidateMs: 60_000 });
      shop.serve(async (_req, res) => {
        if (shop.runs.count > 1) await gate.promise;
        res.send('page');
      });
      await shop.get('/');
      await stale(shop);
      const answers = await Promise.all(Array.from({ length: 10 }, () => shop.get('/')));
      expect(answers.every(({ cache }) => cache === 'STALE')).toBe(true);
      await until(() => shop.runs.count === 2);
      gate.resolve();
      await until(() => shop.events.some(({ type }) => type === 'revalidated' || type === 'stored'));
      expect(shop.runs.count).toBe(2);
    });

    it('goes on when the client has gone', async () => {
      const gate = deferred();
      const shop = site(express, { ttlMs: 20, staleWhileRevalidateMs: 60_000 });
      shop.serve(async (_req, res) => {
        if (shop.runs.count > 1) await gate.promise;
        res.send(`page ${shop.runs.count}`);
      });
      const server = createServer(shop.app).listen(0, '127.0.0.1');
      await until(() => server.listening);
      const { port } = server.address() as AddressInfo;
      try {
        await fetch(`http://127.0.0.1:${port}/`);
        await stale(shop);
        const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'));
        await until(() => shop.runs.count === 2);
        socket.destroy();
        gate.resolve();
        await until(() => shop.events.some(({ type }) => type === 'stored'));
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });

    it('goes through the layers in front, mounted apps and streams included', async () => {
      const shop = site(express, { ttlMs: 20, staleWhileRevalidateMs: 60_000 });
      const big = 'x'.repeat(200_000);
      shop.serve((_req, res) => void Readable.from([String(shop.runs.count), big]).pipe(res), {
        before: [session()],
      });
      const outer = express();
      outer.use('/shop', shop.app);
      const server = createServer(outer).listen(0, '127.0.0.1');
      await until(() => server.listening);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/shop/list`;
      try {
        await fetch(url).then((response) => response.text());
        await stale(shop);
        expect((await fetch(url)).headers.get('x-cache')).toBe('STALE');
        await until(() => shop.events.some(({ type }) => type === 'stored'));
        expect(await (await fetch(url)).text()).toBe(`2${big}`);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });

    it.each(['must-revalidate', 'proxy-revalidate'])(
      'is off where %s forbids it (RFC 9111 §4.2.4)',
      async (directive) => {
        const shop = site(express, { ttlMs: 1, staleWhileRevalidateMs: 60_000 });
        shop.serve(
          (_req, res) => void res.set('Cache-Control', `max-age=1, ${directive}, stale-while-revalidate=60`).send('x'),
        );
        await shop.get('/');
        await stale(shop);
        expect((await shop.get('/')).cache).toBe('REVALIDATED');
      },
    );
  });

  describe('stale-if-error', () => {
    it.each([500, 502, 503, 504])('covers a %i of the handler (RFC 5861 §4)', async (status) => {
      const shop = site(express, { ttlMs: 20, staleIfErrorMs: 60_000 });
      shop.serve((_req, res) => {
        if (shop.runs.count > 1) return void res.status(status).set('X-Error', 'yes').send('broken');
        return void res.send('page');
      });
      await shop.get('/');
      await stale(shop);
      const answer = await shop.get('/');
      expect(answer).toMatchObject({ status: 200, cache: 'STALE', text: 'page' });
      expect(answer.headers['x-error']).toBeUndefined();
    });

    it.each(['throw', 'next', 'write', 'writeHead'])('covers a handler that fails by %s (RFC 5861 §4)', async (way) => {
      const shop = site(express, { ttlMs: 20, staleIfErrorMs: 60_000 });
      shop.app.set('env', 'test');
      shop.serve((_req, res, next) => {
        if (shop.runs.count === 1) return void res.send('page');
        if (way === 'throw') throw new Error('no database');
        if (way === 'next') return next(new Error('no database'));
        if (way === 'writeHead') return void res.writeHead(503, { 'X-Error': 'yes' }).end('broken');
        res.status(503).write('bro');
        return void res.end('ken');
      });
      await shop.get('/');
      await stale(shop);
      expect(await shop.get('/')).toMatchObject({ status: 200, cache: 'STALE', text: 'page' });
    });

    it.each([404, 410, 401])('lets a %i through: it is an answer', async (status) => {
      const shop = site(express, { ttlMs: 20, staleIfErrorMs: 60_000 });
      shop.serve((_req, res) => void res.status(shop.runs.count > 1 ? status : 200).send('x'));
      await shop.get('/');
      await stale(shop);
      expect((await shop.get('/')).status).toBe(status);
    });

    it('lets the error through where must-revalidate forbids to cover it (RFC 9111 §5.2.2.2)', async () => {
      const shop = site(express, { ttlMs: 20, staleIfErrorMs: 60_000 });
      shop.serve((_req, res) => {
        res
          .set('Cache-Control', 'max-age=1, must-revalidate')
          .status(shop.runs.count > 1 ? 503 : 200)
          .send('x');
      });
      await shop.get('/');
      await stale(shop);
      expect((await shop.get('/')).status).toBe(503);
    });
  });
});
