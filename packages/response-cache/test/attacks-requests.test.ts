// Requests that are made to get into the answers of others. Each is asked before or after an honest one.

import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import request from 'supertest';
import { site } from './fixture.js';
import { rawClient } from './raw-http.js';

/** Tells what the handler was asked for. */
const echo: RequestHandler = (req, res) => void res.send(`${req.method} ${req.url} ${JSON.stringify(req.query)}`);

describe.each(expressVersions)('attacks by request, on $name', ({ express }) => {
  describe('content of a GET', () => {
    it.each(['application/json', 'application/x-www-form-urlencoded'])(
      'of type %s makes nothing that others get, and is given nothing of theirs',
      async (type) => {
        const shop = site(express);
        const body: RequestHandler[] = [express.json(), express.urlencoded({ extended: false })];
        shop.serve((req, res) => void res.send(`id ${(req.body as { id?: string } | undefined)?.id ?? 'none'}`), {
          after: body,
        });
        const evil = () =>
          request(shop.app)
            .get('/')
            .set('Content-Type', type)
            .send(type.endsWith('json') ? '{"id":"evil"}' : 'id=evil');
        for (let round = 0; round < 2; round += 1) {
          const { text, headers } = await evil();
          expect([text, headers['x-cache']]).toStrictEqual(['id evil', 'BYPASS']);
          expect((await shop.get('/')).text).toBe('id none');
        }
        expect(shop.events).toContainEqual({ type: 'bypass', reason: 'content' });
      },
    );

    it('in chunks is content, too', async () => {
      const shop = site(express);
      shop.serve(echo);
      const ask = await rawClient(shop.app);
      const chunked = ['Host: a', 'Transfer-Encoding: chunked', 'Connection: close', '', '2', 'ab', '0', '', ''];
      expect((await ask('GET / HTTP/1.1', ...chunked)).cache).toBe('BYPASS');
      expect((await shop.get('/', { 'Content-Length': '0' })).cache).toBe('MISS');
    });
  });

  describe('targets', () => {
    const HEAD = ['Host: a', 'Connection: close', '', ''];

    it.each(['http://a/page', 'http://evil.example/page', '/page#part', '/page#/../x.css'])(
      'written as %s are left to the handler',
      async (target) => {
        const shop = site(express);
        shop.serve(echo);
        const ask = await rawClient(shop.app);
        const words = [];
        for (let round = 0; round < 2; round += 1) words.push((await ask(`GET ${target} HTTP/1.1`, ...HEAD)).cache);
        expect(words.every((word) => word === 'BYPASS' || word === undefined)).toBe(true);
        expect((await ask('GET /page HTTP/1.1', ...HEAD)).cache).toBe('MISS');
      },
    );

    it.each(['http://a/page', '/page#part'])(
      'written as %s are the same to an unsafe request (RFC 9112 §3.2.2, RFC 9111 §4.4)',
      async (target) => {
        const shop = site(express);
        shop.serve(echo);
        const ask = await rawClient(shop.app);
        await ask('GET /page HTTP/1.1', ...HEAD);
        await until(async () => (await ask('GET /page HTTP/1.1', ...HEAD)).cache === 'HIT');
        const { status } = await ask(`DELETE ${target} HTTP/1.1`, ...HEAD);
        // Node may refuse a fragment by itself.
        if (status === 200) expect((await ask('GET /page HTTP/1.1', ...HEAD)).cache).toBe('MISS');
        else expect(status).toBe(400);
      },
    );

    it('that only software in between takes for one stay apart', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(req.originalUrl));
      const ask = await rawClient(shop.app);
      const paths = '/a/b /a%2fb /a%2Fb%2f /a//b //a/b /a/./b /a/../b /b /a/b/ /A/b /a;b /a%3bb /a%00b /a%0ab /a%5cb';
      const targets = [...paths.split(' '), '/a\\b', '/a%252fb', '/a/b?', '/a/b?x', '/a/b%3fx'];
      for (const target of [...targets, ...targets]) {
        const { status, text } = await ask(`GET ${target} HTTP/1.1`, ...HEAD);
        // `/a/b?` and `/a/b` are one: an empty query is none. `%2F` and `%2f` are one (RFC 3986 §6.2.2.1).
        if (status === 200) expect(text.replace(/\?$/, '')).toBe(target.replace(/\?$/, ''));
        else expect(status).toBe(400);
      }
    });

    it.each([
      ['id=1&id=2', 'id=2&id=1'],
      ['id=2&%69d=1', '%69d=1&id=2'],
      ['a+b=1&a%20b=2', 'a%20b=2&a+b=1'],
      ['a[]=1&a=2', 'a=2&a[]=1'],
      ['a%5B%5D=1&a[]=2', 'a[]=2&a%5B%5D=1'],
      ['a[b]=1&a=2', 'a=2&a[b]=1'],
    ])('with %s and %s, which handlers read in their order, stay apart', async (one, other) => {
      const shop = site(express);
      shop.app.set('query parser', 'extended');
      shop.serve((req, res) => void res.send(JSON.stringify(req.query)));
      const [first, second] = [await shop.get(`/?${one}`), await shop.get(`/?${other}`)];
      expect([first.cache, second.cache]).toStrictEqual(['MISS', 'MISS']);
      expect(await shop.get(`/?${other}`)).toMatchObject({ cache: 'HIT', text: second.text });
    });

    it('with more parameters than parsers read are not put in order', async () => {
      const shop = site(express);
      shop.serve(echo);
      const many = Array.from({ length: 101 }, (_one, index) => `p${index}=1`);
      await shop.get(`/?${many.join('&')}`);
      expect((await shop.get(`/?${many.toReversed().join('&')}`)).cache).toBe('MISS');
      expect((await shop.get(`/?${many.join('&')}`)).cache).toBe('HIT');
    });
  });

  describe('methods that are overridden', () => {
    const override: RequestHandler = (req, _res, next) => {
      const wanted = req.get('X-HTTP-Method-Override');
      if (wanted !== undefined) req.method = wanted;
      next();
    };
    const evil = { 'X-HTTP-Method-Override': 'DELETE' };

    it('behind the cache make nothing that is stored', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.set('Cache-Control', 'public').send(req.method), { after: [override] });
      expect(await shop.get('/', evil)).toMatchObject({ cache: 'BYPASS', text: 'DELETE' });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'GET' });
      expect(shop.reasons()).toStrictEqual(['method']);
    });

    it('in front of the cache are what they have been made', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(req.method), { before: [override] });
      await shop.get('/');
      expect(await shop.get('/', evil)).toMatchObject({ cache: 'BYPASS', text: 'DELETE' });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: 'GET' });
      const disguised = await request(shop.app)
        .post('/')
        .set({ 'X-HTTP-Method-Override': 'GET', 'Accept-Encoding': 'identity' })
        .send({ id: 'evil' });
      expect(disguised.headers['x-cache']).toBe('BYPASS');
    });
  });

  describe('URLs that a layer in front rewrites', () => {
    it('by what the key does not hold stay apart', async () => {
      const shop = site(express);
      const tenant: RequestHandler = (req, _res, next) => {
        const name = req.get('X-Tenant');
        if (name !== undefined) req.url = `/tenants/${name}${req.url}`;
        next();
      };
      shop.serve((req, res) => void res.send(req.url), { before: [tenant] });
      for (const name of ['a', 'b']) {
        const headers = { 'X-Tenant': name };
        expect(await shop.get('/x', headers)).toMatchObject({ cache: 'MISS', text: `/tenants/${name}/x` });
        expect(await shop.get('/x', headers)).toMatchObject({ cache: 'HIT', text: `/tenants/${name}/x` });
      }
      expect(await shop.get('/x')).toMatchObject({ cache: 'MISS', text: '/x' });
      await shop.cached.invalidate('/x');
      expect((await shop.get('/x', { 'X-Tenant': 'a' })).cache).toBe('MISS');
    });

    it('are one where they were not: mounted apps and routers have the key of the whole path', async () => {
      const shop = site(express);
      const [one, other, router] = [express(), express(), express.Router()];
      for (const app of [one, other]) {
        app.use(shop.cached);
        app.get('/', (req, res) => void res.send(`${req.baseUrl} root`));
        app.get('/page', (req, res) => void res.send(`${req.baseUrl} page`));
      }
      router.use(shop.cached);
      router.get('/page', (req, res) => void res.send(`${req.baseUrl} routed`));
      shop.app.use('/one', one).use('/other', other).use('/routed', router);
      const paths = ['/one', '/one/', '/one?a=1', '/one/page', '/other/page', '/routed/page'];
      const texts = [];
      for (const path of paths) {
        const made = await shop.get(path);
        texts.push(made.text);
        expect(await shop.get(path)).toMatchObject({ cache: 'HIT', text: made.text });
      }
      const [root, page] = ['/one root', '/one page'];
      expect(texts).toStrictEqual([root, root, root, page, '/other page', '/routed routed']);
      await shop.cached.invalidate('/one/page');
      expect((await shop.get('/one/page')).cache).toBe('MISS');
      expect((await shop.get('/other/page')).cache).toBe('HIT');
    });
  });

  describe('who is asking', () => {
    it.each([
      ['X-Api-Key', 'k'],
      ['X-Auth-Token', 't'],
      ['X-Access-Token', 't'],
      ['Proxy-Authorization', 'Basic x'],
      ['Authorization', ''],
      ['Cookie', 'nameless'],
      ['Cookie', '=nameless'],
      ['Cookie', '; ; =x'],
    ])('is told by %s: %s', async (name, value) => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(`for ${req.get(name) ?? 'nobody'}`));
      for (let round = 0; round < 2; round += 1) {
        expect(await shop.get('/', { [name]: value })).toMatchObject({ cache: 'BYPASS', text: `for ${value}` });
        expect((await shop.get('/')).text).toBe('for nobody');
      }
    });

    it('is told by a client certificate', async () => {
      const shop = site(express);
      const tls: RequestHandler = (req, _res, next) => {
        if (req.get('X-Certificate') !== undefined) Object.assign(req.socket, { authorized: true });
        next();
      };
      shop.serve((_req, res) => void res.send(`run ${shop.runs.count}`), { before: [tls] });
      await shop.get('/');
      expect(await shop.get('/', { 'X-Certificate': 'ann' })).toMatchObject({ cache: 'BYPASS', text: 'run 2' });
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'run 1' });
    });

    it('does not matter for a key that is in every variant', async () => {
      const shop = site(express, { vary: ['X-Api-Key'] });
      shop.serve((req, res) => void res.send(`for ${req.get('X-Api-Key') ?? 'nobody'}`));
      for (const key of ['a', 'b']) {
        expect(await shop.get('/', { 'X-Api-Key': key })).toMatchObject({ cache: 'MISS', text: `for ${key}` });
        expect(await shop.get('/', { 'X-Api-Key': key })).toMatchObject({ cache: 'HIT', text: `for ${key}` });
      }
    });
  });

  describe('conditions and ranges', () => {
    it.each([
      { 'If-None-Match': '*' },
      { 'If-None-Match': `"${'x'.repeat(4_000)}", ${'W/"a",'.repeat(800)}` },
      { 'If-Modified-Since': 'Fri, 31 Dec 9999 23:59:59 GMT' },
      { Range: 'bytes=0-0' },
      { Range: `bytes=${'0-1,'.repeat(1_000)}2-3` },
      { 'If-Range': '"x"', Range: 'bytes=0-' },
      { Range: 'bytes=0-0', 'If-None-Match': '*' },
    ])('of the first client leave the whole to the next: %j', async (headers: Record<string, string>) => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set('Cache-Control', 'public').send('0123456789'));
      await shop.get('/', headers);
      for (let round = 0; round < 2; round += 1) {
        expect(await shop.get('/')).toMatchObject({ status: 200, text: '0123456789' });
      }
    });

    it('on a HEAD leave the whole to the next GET', async () => {
      const shop = site(express, { ttlMs: 20 });
      shop.serve((_req, res) => void res.set('ETag', '"v1"').send('page'));
      await shop.get('/');
      await shop.stale();
      await shop.head('/', { 'If-None-Match': '"v1"', Range: 'bytes=0-0' });
      expect(await shop.get('/')).toMatchObject({ status: 200, text: 'page' });
    });
  });
});
