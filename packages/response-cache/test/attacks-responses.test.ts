// Responses that a careless handler, or an upstream that it passes on, makes to the harm of the cache.

import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import { site } from './fixture.js';

describe.each(expressVersions)('harmful responses, on $name', ({ express }) => {
  it.each(['constructor', '__proto__', 'toString, hasOwnProperty', 'ACCEPT,accept , Accept'])(
    'with Vary: %s are kept like others',
    async (vary) => {
      const shop = site(express);
      shop.serve((_req, res) => {
        res.setHeader('Vary', vary);
        res.end('page');
      });
      expect((await shop.get('/')).cache).toBe('MISS');
      expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: 'page' });
    },
  );

  it('that vary on more than 12 headers are not stored', async () => {
    const shop = site(express);
    const names = Array.from({ length: 13 }, (_one, index) => `X-${index}`);
    shop.serve((_req, res) => void res.vary(names.join(', ')).send('page'));
    await shop.get('/');
    expect(shop.reasons()).toStrictEqual(['vary']);
  });

  it('to a flood of variants leave other URLs alone, and keys that are bounded', async () => {
    const shop = site(express);
    shop.serve((_req, res) => void res.vary('X-Any').send('page'));
    await shop.get('/quiet');
    for (let count = 0; count < 40; count += 1) await shop.get('/', { 'X-Any': String(count) });
    const variants = await shop.redis.keys(`${shop.prefix}*variant-*`);
    expect(variants.length).toBeLessThanOrEqual(32 + 1);
    expect((await shop.get('/quiet')).cache).toBe('HIT');
  });

  it.each([
    ['Transfer-Encoding', 'chunked'],
    ['Trailer', 'X-Late'],
    ['Connection', 'X-Secret'],
    ['Upgrade', 'h2c'],
    ['Proxy-Connection', 'keep-alive'],
    ['TE', 'trailers'],
  ])('with %s: %s do not hand it to others', async (name, value) => {
    const shop = site(express);
    shop.serve((_req, res) => {
      res.setHeader(name, value);
      res.setHeader('X-Secret', 'hop');
      res.write('pa');
      res.end('ge');
    });
    expect((await shop.get('/')).text).toBe('page');
    const hit = await shop.get('/');
    expect(hit.text).toBe('page');
    if (hit.cache !== 'HIT') return expect(shop.reasons()).toContain('trailers');
    expect(hit.headers['content-length']).toBe('4');
    expect(hit.headers[name.toLowerCase()]).not.toBe(value);
    return expect(hit.headers['x-secret']).toBe(name === 'Connection' ? undefined : 'hop');
  });

  it.each([2, 400])('that announce %i bytes of 4 are not stored (RFC 9112 §6.3)', async (length) => {
    const shop = site(express);
    shop.serve((_req, res) => {
      res.writeHead(200, { 'Content-Length': length });
      res.end('page');
      if (length > 4) res.socket?.destroySoon();
    });
    await shop.get('/').catch(() => undefined);
    await until(() => shop.reasons().length > 0);
    expect(shop.reasons()).toStrictEqual(['truncated']);
  });

  it('with a line break in a header are errors, and nothing is stored', async () => {
    const shop = site(express);
    shop.serve((req, res) => void res.set('X-Echo', decodeURIComponent(req.path.slice(1))).send('page'));
    const answer = await shop.get('/a%0d%0aSet-Cookie:%20sid=evil');
    expect([answer.status, answer.headers['set-cookie']]).toStrictEqual([500, undefined]);
    expect(shop.events.some(({ type }) => type === 'stored')).toBe(false);
  });

  it('with a status that is none are errors, and nothing is stored', async () => {
    const shop = site(express);
    shop.serve((_req, res) => void res.writeHead(1_000).end('page'));
    expect((await shop.get('/')).status).toBe(500);
    expect(shop.events.some(({ type }) => type === 'stored')).toBe(false);
  });

  it.each([
    '/account/%2e%2e%2fx.css',
    '/account/..%2fx.css',
    '/account/x.css%00',
    '/account/x.css%0a',
    '/account/x.css%23',
    '/account/a.css;b',
    '/account/x.PnG?y=1',
  ])('of a page under %s are refused as deception', async (path) => {
    const shop = site(express);
    shop.serve((_req, res) => void res.json({ account: 1 }));
    await shop.get(path);
    expect(shop.reasons()).toStrictEqual(['suffix']);
  });

  it('that tag themselves with what is another tag in Redis purge nothing else', async () => {
    const shop = site(express);
    const tags = ['~', '{}', 'a:b', '__proto__', 'constructor', 'x}y', '%7e'];
    shop.serve((req, res) => {
      res.locals['cacheTags'] = [decodeURIComponent(req.path.slice(1))];
      res.send('page');
    });
    const paths = tags.map((tag) => `/${encodeURIComponent(tag)}`);
    for (const path of paths) await shop.get(path);
    for (const [index, tag] of tags.entries()) {
      await shop.cached.invalidateTags([tag]);
      const words = [];
      for (const path of paths) words.push((await shop.get(path)).cache);
      expect(words).toStrictEqual(tags.map((_tag, other) => (other === index ? 'MISS' : 'HIT')));
    }
  });
});
