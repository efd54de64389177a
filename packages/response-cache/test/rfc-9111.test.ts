import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import { site } from './fixture.js';

const page =
  (headers: Record<string, string>, text = 'page'): RequestHandler =>
  (_req, res) =>
    void res.set(headers).send(text);

describe.each(expressVersions)('responseCache() as a shared cache, on $name', ({ express }) => {
  /** A site whose response is stored and, by an injected clock, `seconds` old. */
  async function aged(seconds: number, headers: Record<string, string>, options: Parameters<typeof site>[1] = {}) {
    let skewMs = 0;
    const shop = site(express, { now: () => Date.now() + skewMs, ...options });
    shop.serve(page(headers));
    await shop.get('/');
    await until(() => shop.events.some(({ type }) => type === 'stored'));
    skewMs = seconds * 1_000;
    return shop;
  }

  describe('storing', () => {
    it('stores what must be understood in spite of no-store (RFC 9111 §5.2.2.3)', async () => {
      const shop = site(express);
      shop.serve(page({ 'Cache-Control': 'must-understand, no-store, max-age=60' }));
      await shop.get('/');
      expect((await shop.get('/')).cache).toBe('HIT');
    });

    it('reads several lines as one list, whatever their case (RFC 9110 §5.3, RFC 9111 §5.2)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.setHeader('Cache-Control', ['MAX-AGE=60', 'No-Store']);
        res.end('x');
      });
      await shop.get('/');
      expect((await shop.get('/')).cache).toBe('BYPASS');
    });

    it('never stores what Connection names (RFC 9111 §3.1)', async () => {
      const shop = site(express);
      shop.serve(page({ Connection: 'close, X-Hop', 'X-Hop': 'secret', 'X-End': 'kept' }));
      expect((await shop.get('/')).headers['x-hop']).toBe('secret');
      const hit = await shop.get('/');
      expect([hit.cache, hit.headers['x-hop'], hit.headers['x-end']]).toStrictEqual(['HIT', undefined, 'kept']);
    });

    it('keeps the Date of the handler, and counts it into Age (RFC 9111 §4.2.3)', async () => {
      const date = new Date(Date.now() - 20_000).toUTCString();
      const shop = site(express);
      shop.serve(page({ Date: date, 'Cache-Control': 'max-age=60' }));
      await shop.get('/');
      const hit = await shop.get('/');
      expect([hit.cache, hit.headers['date']]).toStrictEqual(['HIT', date]);
      expect(Number(hit.headers['age'])).toBeGreaterThanOrEqual(19);
    });
  });

  describe('request directives', () => {
    it.each([
      ['no-cache (RFC 9111 §5.2.1.4)', 'no-cache', 'REVALIDATED'],
      ['a max-age that is exceeded (RFC 9111 §5.2.1.1)', 'max-age=5', 'REVALIDATED'],
      ['a max-age that is no number (RFC 9111 §4.2.1)', 'max-age=soon', 'REVALIDATED'],
      ['a max-age that is met (RFC 9111 §5.2.1.1)', 'max-age=30', 'HIT'],
      ['a min-fresh that is not met (RFC 9111 §5.2.1.3)', 'min-fresh=55', 'REVALIDATED'],
      ['a min-fresh that is met (RFC 9111 §5.2.1.3)', 'min-fresh=30', 'HIT'],
      ['only-if-cached of what is stored (RFC 9111 §5.2.1.7)', 'only-if-cached', 'HIT'],
    ])('obeys %s', async (_name, cacheControl, expected) => {
      const shop = await aged(10, { ETag: '"v1"' }, { requestDirectives: 'obey' });
      expect((await shop.get('/', { 'Cache-Control': cacheControl })).cache).toBe(expected);
    });

    it('obeys Pragma: no-cache in the absence of Cache-Control (RFC 9111 §5.4)', async () => {
      const shop = await aged(10, {}, { requestDirectives: 'obey' });
      expect((await shop.get('/', { Pragma: 'no-cache' })).cache).toBe('REVALIDATED');
      expect((await shop.get('/', { Pragma: 'no-cache', 'Cache-Control': 'max-age=60' })).cache).toBe('HIT');
    });

    it.each(['no-cache', 'max-age=0', 'min-fresh=999'])(
      'ignores %s by default (RFC 9111 §5.2.1)',
      async (directive) => {
        const shop = await aged(10, {});
        expect((await shop.get('/', { 'Cache-Control': directive })).cache).toBe('HIT');
      },
    );

    it.each(['obey', 'ignore'] as const)(
      'answers only-if-cached by 504 when nothing is stored, also with %s (RFC 9111 §5.2.1.7)',
      async (requestDirectives) => {
        const shop = site(express, { requestDirectives });
        shop.serve(page({}));
        expect((await shop.get('/', { 'Cache-Control': 'only-if-cached' })).status).toBe(504);
        expect(shop.runs.count).toBe(0);
      },
    );

    it.each([
      ['max-stale', {}, 'STALE'],
      ['max-stale=3600', {}, 'STALE'],
      ['max-stale=0', {}, 'REVALIDATED'],
      ['max-stale', { 'Cache-Control': 'max-age=1, must-revalidate' }, 'REVALIDATED'],
      ['max-stale', { 'Cache-Control': 's-maxage=1' }, 'REVALIDATED'],
    ])('answers %s about %j by %s (RFC 9111 §5.2.1.2, §4.2.4)', async (directive, headers, expected) => {
      const shop = site(express, { ttlMs: 1, requestDirectives: 'obey' });
      shop.serve(page({ ETag: '"v1"', ...headers }));
      await shop.get('/');
      await until(() => shop.events.some(({ type }) => type === 'stored'));
      await until(async () => (await shop.redis.keys(`${shop.prefix}*fresh-*`)).length === 0);
      expect((await shop.get('/', { 'Cache-Control': directive })).cache).toBe(expected);
    });
  });

  describe('ranges from a stored response', () => {
    it.each([
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
      ['BYTES=8-99', '89', 'bytes 8-9/10'],
    ])('sends %s as 206 (RFC 9110 §15.3.7)', async (range, text, contentRange) => {
      const shop = site(express);
      shop.serve(page({}, '0123456789'));
      await shop.get('/');
      const answer = await shop.get('/', { Range: range });
      expect(answer).toMatchObject({ status: 206, text, cache: 'HIT' });
      expect(answer.headers['content-range']).toBe(contentRange);
      expect(answer.headers['content-length']).toBe(String(text.length));
    });

    it.each(['bytes=0-1,4-5', 'bytes=4-2', 'lines=0-1', 'bytes=x', 'bytes=-'])(
      'sends the whole for %s (RFC 9110 §14.2)',
      async (range) => {
        const shop = site(express);
        shop.serve(page({}, '0123456789'));
        await shop.get('/');
        expect(await shop.get('/', { Range: range })).toMatchObject({ status: 200, text: '0123456789' });
      },
    );

    it.each(['bytes=10-', 'bytes=-0'])('refuses %s by 416 (RFC 9110 §15.5.17)', async (range) => {
      const shop = site(express);
      shop.serve(page({}, '0123456789'));
      await shop.get('/');
      const answer = await shop.get('/', { Range: range });
      expect([answer.status, answer.headers['content-range'], answer.text]).toStrictEqual([416, 'bytes */10', '']);
    });

    it.each([
      ['the same strong tag', '"v1"', 206],
      ['another tag', '"v2"', 200],
      ['a weak tag', 'W/"v1"', 200],
      ['the same date', 'Thu, 01 Jan 2026 00:00:00 GMT', 206],
      ['another date', 'Thu, 01 Jan 2026 00:00:01 GMT', 200],
    ])('answers If-Range with %s by %# (RFC 9110 §13.1.5)', async (_name, ifRange, status) => {
      const shop = site(express);
      shop.serve(page({ ETag: '"v1"', 'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }, '0123456789'));
      await shop.get('/');
      expect((await shop.get('/', { Range: 'bytes=0-1', 'If-Range': ifRange })).status).toBe(status);
    });

    it('answers If-None-Match before Range (RFC 9110 §13.2.2)', async () => {
      const shop = site(express);
      shop.serve(page({ ETag: '"v1"' }));
      await shop.get('/');
      expect((await shop.get('/', { Range: 'bytes=0-1', 'If-None-Match': '"v1"' })).status).toBe(304);
    });

    it('ignores Range on HEAD (RFC 9110 §14.2)', async () => {
      const shop = site(express);
      shop.serve(page({}));
      await shop.get('/');
      expect((await shop.head('/', { Range: 'bytes=0-1' })).status).toBe(200);
    });
  });

  describe('unsafe methods', () => {
    it.each(['/list', '/list?b=2&a=1'])('make %s stale when they succeed on it (RFC 9111 §4.4)', async (path) => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(req.method));
      await shop.get(path);
      await shop.post(path);
      await until(() => shop.events.some(({ type }) => type === 'invalidated'));
      expect((await shop.get(path)).cache).toBe('MISS');
    });

    it('leave it alone when they fail (RFC 9111 §4.4)', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.status(req.method === 'POST' ? 422 : 200).end('x'));
      await shop.get('/');
      await shop.post('/');
      expect((await shop.get('/')).cache).toBe('HIT');
    });

    it.each(['setHeader', 'writeHead'])(
      'make Location and Content-Location of the same host stale, set by %s (RFC 9111 §4.4)',
      async (way) => {
        const shop = site(express);
        shop.serve((req, res) => {
          if (req.method !== 'POST') return void res.send('x');
          const named = { Location: '/a', 'Content-Location': `http://${req.headers.host}/b?y=1&x=2` };
          if (way === 'writeHead') return void res.writeHead(201, named).end();
          return void res.status(201).set(named).end();
        });
        for (const path of ['/a', '/b?x=2&y=1', '/c']) await shop.get(path);
        await shop.post('/new');
        await until(() => shop.events.some(({ type }) => type === 'invalidated'));
        // The agent listens on another port for each request: the absolute URL is that of the POST.
        expect((await shop.get('/a')).cache).toBe('MISS');
        expect((await shop.get('/b?x=2&y=1')).cache).toBe('MISS');
        expect((await shop.get('/c')).cache).toBe('HIT');
      },
    );

    it('leave URLs of another host alone (RFC 9111 §4.4)', async () => {
      const shop = site(express);
      shop.serve(
        (req, res) => void res.set(req.method === 'POST' ? { Location: 'http://evil.example/a' } : {}).send('x'),
      );
      await shop.get('/a');
      await shop.post('/new');
      await until(() => shop.events.some(({ type }) => type === 'invalidated'));
      expect((await shop.get('/a')).cache).toBe('HIT');
    });
  });

  describe('Cache-Status', () => {
    it('says why a response comes from where (RFC 9211 §2)', async () => {
      const shop = site(express);
      shop.serve(page({}));
      expect((await shop.get('/')).headers['cache-status']).toBe('sallyport; fwd=miss');
      expect((await shop.get('/')).headers['cache-status']).toMatch(/^sallyport; hit; ttl=(59|60)$/);
      expect((await shop.post('/')).headers['cache-status']).toBe('sallyport; fwd=method');
    });

    it('names the reason when a response is not stored (RFC 9211 §2.8)', async () => {
      const shop = site(express);
      shop.serve(page({ 'Cache-Control': 'private' }));
      expect((await shop.get('/')).headers['cache-status']).toBe('sallyport; fwd=miss; detail=private');
    });

    it('adds itself behind the caches that come before it (RFC 9211 §2)', async () => {
      const shop = site(express);
      shop.serve(page({ 'Cache-Status': 'origin; hit' }));
      expect((await shop.get('/')).headers['cache-status']).toBe('origin; hit, sallyport; fwd=miss');
    });

    it.each([
      ['x-cache', 'MISS', undefined],
      ['cache-status', undefined, 'sallyport; fwd=miss'],
      ['none', undefined, undefined],
    ] as const)('is said by %s alone when that is wanted', async (statusHeaders, word, status) => {
      const shop = site(express, { statusHeaders });
      shop.serve(page({}));
      const { headers } = await shop.get('/');
      expect([headers['x-cache'], headers['cache-status']]).toStrictEqual([word, status]);
    });
  });
});
