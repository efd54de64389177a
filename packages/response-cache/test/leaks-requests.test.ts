import { describe, expect, it } from '@jest/globals';
import { expressVersions, keysUnder } from '@sallyport/testkit';
import type { RequestHandler } from 'express';
import { site } from './fixture.js';

const page: RequestHandler = (_req, res) => void res.send('page');

describe.each(expressVersions)('requests that mean different things stay apart, on $name', ({ express }) => {
  describe('methods', () => {
    it('answers no POST from a stored GET and stores no answer to it (RFC 9111 §3, §4)', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(req.method));
      await shop.get('/');
      expect(await shop.post('/')).toMatchObject({ cache: 'BYPASS', text: 'POST' });
      expect(await shop.get('/')).toMatchObject({ text: 'GET' });
    });

    it('never stores the empty answer to a HEAD for a GET (RFC 9111 §4)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.json({ long: 'x'.repeat(200) }));
      expect(await shop.head('/')).toMatchObject({ cache: 'MISS', text: '' });
      expect((await shop.get('/')).body.length).toBeGreaterThan(200);
    });
  });

  describe('Vary', () => {
    const byLanguage: RequestHandler = (req, res) => {
      res.vary('Accept-Language').send(`in ${String(req.headers['accept-language'])}`);
    };

    it('keeps a variant for each value of the headers that it names (RFC 9111 §4.1)', async () => {
      const shop = site(express);
      shop.serve(byLanguage);
      for (const cache of ['MISS', 'HIT']) {
        for (const language of ['de', 'en', 'fr']) {
          const answer = await shop.get('/', { 'Accept-Language': language });
          expect(answer).toMatchObject({ cache, text: `in ${language}` });
        }
        expect(await shop.get('/')).toMatchObject({ cache, text: 'in undefined' });
      }
    });

    it('shares a variant between values that mean the same', async () => {
      const shop = site(express);
      shop.serve(byLanguage);
      await shop.get('/', { 'Accept-Language': 'de-AT, en;q=0.5' });
      expect(await shop.get('/', { 'Accept-Language': 'en;q=0.3,DE-at' })).toMatchObject({ cache: 'HIT' });
      expect(await shop.get('/', { 'Accept-Language': 'en, de-AT;q=0.5' })).toMatchObject({ cache: 'MISS' });
    });

    it('never stores a response with Vary: * (RFC 9111 §4.1)', async () => {
      const shop = site(express);
      shop.serve((_req, res) => void res.set('Vary', 'Accept, *').send('x'));
      await shop.get('/');
      await shop.get('/');
      expect(shop.reasons()).toStrictEqual(['vary', 'vary']);
    });

    it('finds the right variants after the handler has begun to name another header', async () => {
      const shop = site(express);
      const state = { vary: 'Accept-Language' };
      shop.serve((req, res) => {
        res.set('Vary', state.vary).send(`${String(req.headers['accept-language'])} ${String(req.headers['x-plan'])}`);
      });
      await shop.get('/', { 'Accept-Language': 'de', 'X-Plan': 'free' });
      state.vary = 'X-Plan';
      await shop.get('/', { 'Accept-Language': 'en', 'X-Plan': 'paid' });
      const answer = await shop.get('/', { 'Accept-Language': 'de', 'X-Plan': 'paid' });
      expect(answer).toMatchObject({ cache: 'MISS', text: 'de paid' });
      expect(await shop.get('/', { 'Accept-Language': 'de', 'X-Plan': 'paid' })).toMatchObject({ cache: 'HIT' });
    });

    it('serves no variant once the record of which headers matter has been evicted', async () => {
      const shop = site(express);
      shop.serve(page);
      await shop.get('/');
      expect(await shop.redis.unlink(await keysUnder(shop.redis, `${shop.prefix}*:vary`))).toBe(1);
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS' });
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT' });
    });

    it('keeps at most 32 variants of a URL, dropping the oldest', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.vary('X-Any').send(String(req.headers['x-any'])));
      for (let value = 0; value < 40; value += 1) await shop.get('/', { 'X-Any': `${value}` });
      const variants = await keysUnder(shop.redis, `${shop.prefix}*variant-*`);
      expect(variants).toHaveLength(32);
      expect(await shop.get('/', { 'X-Any': '39' })).toMatchObject({ cache: 'HIT', text: '39' });
      expect(await shop.get('/', { 'X-Any': '0' })).toMatchObject({ cache: 'MISS', text: '0' });
    });

    it('tells variants apart by the vary option, also when responses do not name it', async () => {
      const shop = site(express, { vary: ['X-Tenant'] });
      shop.serve((req, res) => void res.send(`of ${String(req.headers['x-tenant'])}`));
      await shop.get('/', { 'X-Tenant': 'one' });
      expect(await shop.get('/', { 'X-Tenant': 'two' })).toMatchObject({ cache: 'MISS', text: 'of two' });
      expect(await shop.get('/', { 'X-Tenant': 'one' })).toMatchObject({ cache: 'HIT', text: 'of one' });
    });

    it('gives no response made for one origin to another when Access-Control-Allow-Origin names it without Vary', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.set('Access-Control-Allow-Origin', req.headers.origin ?? 'none').send('x'));
      await shop.get('/', { Origin: 'https://one.example' });
      const other = await shop.get('/', { Origin: 'https://two.example' });
      expect(other.headers['access-control-allow-origin']).toBe('https://two.example');
    });
  });

  describe('poisoning', () => {
    it('keeps what is made with a forged Host with those who forge it (RFC 9111 §4)', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(`https://${String(req.headers.host)}/reset`));
      await shop.get('/', { Host: 'evil.example' });
      expect(await shop.get('/', { Host: 'shop.example' })).toMatchObject({
        cache: 'MISS',
        text: 'https://shop.example/reset',
      });
    });

    it('keeps what is made with a forged port with those who forge it', async () => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(`https://${String(req.headers.host)}/reset`));
      await shop.get('/', { Host: 'shop.example:1337' });
      expect(await shop.get('/', { Host: 'shop.example' })).toMatchObject({
        cache: 'MISS',
        text: 'https://shop.example/reset',
      });
    });

    it('keeps what is made with a forwarded host apart, where Express trusts the proxy', async () => {
      const shop = site(express);
      shop.app.set('trust proxy', true);
      shop.serve((req, res) => void res.send(`${req.protocol}://${req.hostname}`));
      await shop.get('/', { Host: 'shop.example', 'X-Forwarded-Host': 'evil.example' });
      expect(await shop.get('/', { Host: 'shop.example' })).toMatchObject({ text: 'http://shop.example' });
    });

    it('keeps a redirect to https away from those who came by https', async () => {
      const shop = site(express);
      shop.app.set('trust proxy', true);
      shop.serve((req, res) => {
        if (req.secure) res.send('page');
        else res.redirect(301, `https://shop.example${req.originalUrl}`);
      });
      expect((await shop.get('/')).status).toBe(301);
      expect(await shop.get('/', { 'X-Forwarded-Proto': 'https' })).toMatchObject({ status: 200, text: 'page' });
      expect(await shop.get('/')).toMatchObject({ status: 301, cache: 'HIT' });
    });

    it.each([
      ['/a?x=1&y=2', '/a?x=1%26y=2'],
      ['/a?x=1', '/a%3Fx=1'],
      ['/a', '/A'],
      ['/a', '/a/'],
      ['/%7Bx%7D:vary', '/x'],
      ['/a?x=1&x=2', '/a?x=2&x=1'],
      [`/${'x'.repeat(300)}1`, `/${'x'.repeat(300)}2`],
    ])('takes %s and %s for two', async (one, other) => {
      const shop = site(express);
      shop.serve((req, res) => void res.send(req.originalUrl));
      await shop.get(one);
      expect(await shop.get(other)).toMatchObject({ cache: 'MISS', text: other });
    });

    it('takes parameters in another order for the same', async () => {
      const shop = site(express);
      shop.serve(page);
      await shop.get('/a?b=2&a=1&b=1&');
      expect(await shop.get('/a?a=1&b=2&b=1')).toMatchObject({ cache: 'HIT' });
    });
  });

  describe('directives of the request', () => {
    it('stores no response to a request with no-store (RFC 9111 §5.2.1.5)', async () => {
      const shop = site(express);
      shop.serve(page);
      expect(await shop.get('/', { 'Cache-Control': 'NO-STORE' })).toMatchObject({ cache: 'BYPASS' });
      expect(await shop.get('/')).toMatchObject({ cache: 'MISS' });
    });

    it('lets no client get past the cache by no-cache', async () => {
      const shop = site(express);
      shop.serve(page);
      await shop.get('/');
      expect(await shop.get('/', { 'Cache-Control': 'no-cache', Pragma: 'no-cache' })).toMatchObject({ cache: 'HIT' });
    });

    it.each(['If-Match', 'If-Unmodified-Since'])(
      'leaves a request with %s to the handler (RFC 9111 §4.3.2)',
      async (name) => {
        const shop = site(express);
        shop.serve(page);
        await shop.get('/');
        const answer = await shop.get('/', { [name]: '"x"' });
        expect(answer.cache).toBe('BYPASS');
        expect(shop.runs.count).toBe(2);
      },
    );
  });
});
