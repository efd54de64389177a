import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import { site } from './fixture.js';

const THURSDAY = 'Thu, 01 Jan 2026 00:00:00 GMT';
const FRIDAY = 'Fri, 02 Jan 2026 00:00:00 GMT';

describe.each(expressVersions)('validation, on $name', ({ express }) => {
  /** A page that is stored with `stored` and stale; asked with conditions, the handler answers 304 with `confirmed`. */
  async function confirming(
    stored: Record<string, string>,
    confirmed: Record<string, string>,
    options: Parameters<typeof site>[1] = {},
  ) {
    const shop = site(express, { ttlMs: 20, ...options });
    shop.serve((req, res) => {
      const isFirst = shop.runs.count === 1;
      const isAsked = req.headers['if-none-match'] !== undefined || req.headers['if-modified-since'] !== undefined;
      if (isFirst || !isAsked)
        return void res
          .set(stored)
          .type('text')
          .send(isFirst ? 'old' : 'new');
      res.removeHeader('ETag');
      return void res.set(confirmed).status(304).end();
    });
    await shop.get('/');
    await shop.stale();
    return shop;
  }

  describe('the request to the handler', () => {
    it("has the stored validators, all of them, and none of the client's (RFC 9111 §4.3.1)", async () => {
      const shop = site(express, { ttlMs: 20 });
      const seen: unknown[] = [];
      shop.serve(({ headers }, res) => {
        seen.push([headers['if-none-match'], headers['if-modified-since']]);
        res.set({ ETag: '"v1"', 'Last-Modified': THURSDAY }).send('page');
      });
      await shop.get('/');
      await shop.stale();
      await shop.get('/', { 'If-None-Match': '"mine"', 'If-Modified-Since': FRIDAY });
      expect(seen).toStrictEqual([
        [undefined, undefined],
        ['"v1"', THURSDAY],
      ]);
    });

    it('has the tag that the cache itself has given to what had none (RFC 9111 §4.3.1)', async () => {
      const shop = site(express, { ttlMs: 20, staleIfErrorMs: 60_000 });
      const seen: unknown[] = [];
      shop.serve(({ headers }, res) => {
        seen.push(headers['if-none-match']);
        res.end('page');
      });
      await shop.get('/');
      await shop.stale();
      await shop.get('/');
      expect(seen).toStrictEqual([undefined, expect.stringMatching(/^W\/".+"$/)]);
    });
  });

  describe('a 304 of the handler', () => {
    it.each([
      ['the same strong tag', { ETag: '"v1"' }, { ETag: '"v1"' }],
      ['the same weak tag', { ETag: 'W/"v1"' }, { ETag: 'W/"v1"' }],
      ['the weak form of the stored tag', { ETag: '"v1"' }, { ETag: 'W/"v1"' }],
      ['the same date', { 'Last-Modified': THURSDAY }, { 'Last-Modified': THURSDAY }],
      ['no validator', { ETag: '"v1"' }, {}],
    ])('with %s freshens what is stored (RFC 9111 §4.3.4)', async (_name, stored, confirmed) => {
      const shop = await confirming(stored, { ...confirmed, 'Cache-Control': 'max-age=60' });
      expect(await shop.get('/')).toMatchObject({ status: 200, text: 'old', cache: 'REVALIDATED' });
      await until(async () => (await shop.get('/')).cache === 'HIT');
      expect(await shop.get('/')).toMatchObject({ text: 'old' });
    });

    it.each([
      ['another strong tag', { ETag: '"v1"' }, { ETag: '"v2"' }],
      ['the strong form of a weak tag', { ETag: 'W/"v1"' }, { ETag: '"v1"' }],
      ['another weak tag', { ETag: 'W/"v1"' }, { ETag: 'W/"v2"' }],
      ['another date', { 'Last-Modified': THURSDAY }, { 'Last-Modified': FRIDAY }],
    ])('with %s freshens nothing: the whole is asked for next (RFC 9111 §4.3.4)', async (_name, stored, confirmed) => {
      const shop = await confirming(stored, { ...confirmed, 'Cache-Control': 'max-age=60', 'X-Of': 'another' });
      const refused = await shop.get('/');
      expect([refused.status, refused.text, refused.headers['x-of']]).toStrictEqual([502, '', undefined]);
      expect(shop.reasons()).toStrictEqual(['unconfirmed']);
      await until(async () => (await shop.get('/')).status === 200);
      expect((await shop.get('/')).text).toBe('new');
    });

    it("with another tag, which is the client's, goes to the client (RFC 9111 §4.3.2)", async () => {
      const shop = await confirming({ ETag: '"v1"' }, { ETag: '"v2"' });
      const answer = await shop.get('/', { 'If-None-Match': '"v2"' });
      expect([answer.status, answer.headers['etag']]).toStrictEqual([304, '"v2"']);
    });

    it('with another tag is a failure that stale-if-error covers (RFC 5861 §4)', async () => {
      const shop = await confirming({ ETag: '"v1"' }, { ETag: '"v2"' }, { staleIfErrorMs: 60_000 });
      expect(await shop.get('/')).toMatchObject({ status: 200, text: 'old', cache: 'STALE' });
    });

    it('replaces every field that it has, Content-Type too, and keeps the others (RFC 9111 §3.2)', async () => {
      const stored = { ETag: '"v1"', 'X-Kept': 'a', 'X-Changed': 'a', 'Cache-Control': 'max-age=0, stale-if-error=9' };
      const fresh = { 'X-Changed': 'b', 'X-New': 'b', 'Content-Type': 'text/html', 'Cache-Control': 'max-age=60' };
      const shop = await confirming(stored, { ...fresh, 'Content-Encoding': 'br', 'Content-Length': '999' });
      const answer = await shop.get('/');
      await until(async () => (await shop.get('/')).cache === 'HIT');
      for (const { headers, text } of [answer, await shop.get('/')]) {
        expect(headers).toMatchObject({ 'x-kept': 'a', 'x-changed': 'b', 'x-new': 'b', 'cache-control': 'max-age=60' });
        expect(headers['content-type']).toMatch(/^text\/html/);
        expect([headers['content-encoding'], headers['content-length'], text]).toStrictEqual([undefined, '3', 'old']);
      }
    });
  });

  it('by a 304 with a cookie gives the cookie to the client who asked, and to nobody else (RFC 9111 §7.3)', async () => {
    const shop = await confirming(
      { ETag: '"v1"' },
      { ETag: '"v1"', 'Set-Cookie': 'sid=1', 'Cache-Control': 'max-age=60' },
    );
    const answer = await shop.get('/');
    expect([answer.cache, String(answer.headers['set-cookie'])]).toStrictEqual(['REVALIDATED', 'sid=1']);
    await until(async () => (await shop.get('/')).cache === 'HIT');
    expect((await shop.get('/')).headers['set-cookie']).toBeUndefined();
  });

  describe('a whole response of the handler', () => {
    it('is what the client gets, and what is stored from then on (RFC 9111 §4.3.3, §4)', async () => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => {
        const life = shop.runs.count === 1 ? 'max-age=0, stale-if-error=60' : 'max-age=60';
        res.set({ ETag: '"v1"', 'Cache-Control': life }).status(200);
        // By `end`, which leaves conditions alone.
        res.end(`page ${shop.runs.count}`);
      });
      await shop.get('/');
      await shop.stale();
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'page 2' });
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'page 2' });
    });

    it('is not covered when it is a failure, without a permission to (RFC 9111 §4.3.3, §4.2.4)', async () => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => void (shop.runs.count === 1 ? res.send('page') : res.sendStatus(503)));
      await shop.get('/');
      await shop.stale();
      expect((await shop.get('/')).status).toBe(503);
    });
  });

  describe('the answer to HEAD', () => {
    /** A stored page, and a handler that answers HEAD with these headers. */
    async function headed(headers: Record<string, string>, body = 'page', options = {}) {
      const shop = site(express, { ttlMs: 20, ...options });
      shop.serve((req, res) => {
        const isHead = req.method === 'HEAD';
        if (shop.runs.count > 1) res.set('Cache-Control', 'max-age=60');
        res.set({ ETag: '"v1"', ...(isHead ? headers : {}) }).send(isHead ? body : 'page');
      });
      await shop.get('/');
      return shop;
    }

    it('freshens what is stored, when it has its validators and its length (RFC 9111 §4.3.5, §3.2)', async () => {
      const shop = await headed({ 'X-Of': 'HEAD' });
      await shop.stale();
      expect(await shop.head('/')).toMatchObject({ status: 200, cache: 'MISS', text: '' });
      await until(async () => (await shop.get('/')).cache === 'HIT');
      const hit = await shop.get('/');
      expect([hit.text, hit.headers['x-of'], shop.runs.count]).toStrictEqual(['page', 'HEAD', 2]);
    });

    it.each([
      ['another tag', { ETag: '"v2"' }, 'page'],
      ['another length', {}, 'a longer page'],
    ])('with %s freshens nothing (RFC 9111 §4.3.5)', async (_name, headers, body) => {
      const shop = await headed(headers, body);
      await shop.stale();
      await shop.head('/');
      expect((await shop.get('/')).cache).toBe('REVALIDATED');
    });

    it('with another tag makes stale what is fresh (RFC 9111 §4.3.5)', async () => {
      const shop = await headed({ ETag: '"v2"' }, 'page', { ttlMs: 60_000, requestDirectives: 'obey' });
      expect((await shop.get('/')).cache).toBe('HIT');
      await shop.head('/', { 'Cache-Control': 'no-cache' });
      await until(async () => (await shop.get('/')).cache !== 'HIT');
    });

    it.each([304, 404, 500])('that is a %i freshens nothing (RFC 9111 §4.3.5)', async (status) => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve(
        (req, res) =>
          void res
            .set('ETag', '"v1"')
            .status(req.method === 'HEAD' ? status : 200)
            .end('page'),
      );
      await shop.get('/');
      await shop.stale();
      expect((await shop.head('/')).status).toBe(status);
      expect(shop.events.filter(({ type }) => type === 'stored')).toStrictEqual([]);
    });
  });
});
