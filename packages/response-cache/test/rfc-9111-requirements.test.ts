// Requirements of RFC 9111 that stand in no other file; rfc-9111-index.test.ts has them all.

import { describe, expect, it } from '@jest/globals';
import { expressVersions, until } from '@sallyport/testkit';
import request from 'supertest';
import { judge } from '../src/cache-policy.js';
import { site } from './fixture.js';

const settings = {
  ttlMs: 10_000,
  heuristicFraction: 0,
  heuristicMaxMs: 1,
  maxBodyBytes: 1_000,
  revalidateMs: 0,
  staleWhileRevalidateMs: 5_000,
  staleIfErrorMs: 5_000,
};

function judged(headers: Record<string, string>, { status = 200, delayMs = 0 } = {}) {
  const facts = { cacheControl: undefined, isPersonal: false, delayMs };
  return judge(facts, { status, header: (name) => headers[name] }, settings, Date.UTC(2026, 0, 1));
}

describe('judge()', () => {
  it('stores no status that it does not know, must-understand or not (RFC 9111 §3, §5.2.2.3)', () => {
    for (const cacheControl of ['max-age=9, public', 'max-age=9, must-understand']) {
      for (const status of [299, 206, 226, 399, 599]) {
        expect(judged({ 'cache-control': cacheControl }, { status }).isStorable).toBe(false);
      }
    }
  });

  it('adds the time that the handler took to the Age that it passes on, and to no other (RFC 9111 §4.2.3)', () => {
    expect(judged({ age: '3' }, { delayMs: 2_500 })).toMatchObject({ ageSeconds: 5, life: { ttlMs: 5_000 } });
    expect(judged({}, { delayMs: 2_500 })).toMatchObject({ ageSeconds: 0, life: { ttlMs: 10_000 } });
  });

  it.each([
    ['4, 2', 4],
    ['soon', 0],
    ['-1', 0],
    ['', 0],
  ])('takes Age "%s" for %i: the first of a list, and none for what is no number (RFC 9111 §5.1)', (age, expected) => {
    expect(judged({ age })).toMatchObject({ ageSeconds: expected });
  });

  it('takes what is more than 2^31 seconds for 2^31 (RFC 9111 §1.2.2)', () => {
    const seconds = 2 ** 31;
    const life = { ttlMs: seconds * 1_000 };
    expect(judged({ 'cache-control': 'max-age=99999999999999999999' })).toMatchObject({ life });
  });

  it.each(['max-age=7, community="UCI"', 'x-no-store, max-age=7', 'note="no-store, private", max-age=7'])(
    'ignores what it does not know in "%s" (RFC 9111 §5.2.3)',
    (cacheControl) => {
      expect(judged({ 'cache-control': cacheControl })).toMatchObject({ isStorable: true, life: { ttlMs: 7_000 } });
    },
  );

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=7', 'no-cache'])(
    'allows no stale use by its own opinion where there is %s (RFC 9111 §4.2.4)',
    (directive) => {
      const result = judged({ 'cache-control': `max-age=7, ${directive}` });
      const none = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0, isStaleAllowed: false };
      if (result.isStorable) expect(result.life).toMatchObject(none);
      else expect(result.reason).toBe('no-cache');
    },
  );
});

describe.each(expressVersions)('responseCache() as RFC 9111 asks, on $name', ({ express }) => {
  it('stores every field of the handler, known or not (RFC 9111 §3.1)', async () => {
    const shop = site(express);
    const fields = {
      'X-Unheard-Of': 'a',
      Link: '</x>; rel=next',
      'Content-Language': 'de',
      'Cache-Control': 'max-age=9',
    };
    shop.serve((_req, res) => void res.set(fields).send('page'));
    const made = await shop.get('/');
    const hit = await shop.get('/');
    const { age: _age, 'x-cache': _word, 'cache-status': _status, connection: _close, ...kept } = hit.headers;
    expect(hit.cache).toBe('HIT');
    expect(made.headers).toMatchObject(kept);
    expect(kept).toMatchObject({ 'x-unheard-of': 'a', link: '</x>; rel=next', 'content-language': 'de' });
  });

  it('stores the final response and nothing of what comes before it (RFC 9111 §3)', async () => {
    const shop = site(express);
    shop.serve((_req, res) => {
      res.writeEarlyHints({ link: '</early.css>; rel=preload' });
      res.writeProcessing();
      res.send('page');
    });
    await shop.get('/');
    const hit = await shop.get('/');
    expect([hit.cache, hit.status, hit.headers['link'], hit.text]).toStrictEqual(['HIT', 200, undefined, 'page']);
  });

  it('passes the directives of the handler on, from the store as well (RFC 9111 §5.2)', async () => {
    const shop = site(express);
    const cacheControl = 'public, max-age=60, s-maxage=30, stale-if-error=9, x-mine="a, b"';
    shop.serve((_req, res) => void res.set('Cache-Control', cacheControl).send('page'));
    for (const word of ['MISS', 'HIT']) {
      const { cache, headers } = await shop.get('/');
      expect([cache, headers['cache-control']]).toStrictEqual([word, cacheControl]);
    }
  });

  it('hands an unsafe request to its handler, whatever is stored, and answers by it (RFC 9111 §4)', async () => {
    const shop = site(express);
    shop.serve((req, res) => void res.set('Cache-Control', 'public, max-age=60').send(req.method));
    await shop.get('/');
    for (const method of ['post', 'put', 'delete', 'patch'] as const) {
      const { text } = await request(shop.app)[method]('/');
      expect(text).toBe(method.toUpperCase());
    }
    expect(shop.runs.count).toBe(5);
  });

  it('takes a header that is absent for no match of one that is empty (RFC 9111 §4.1)', async () => {
    const shop = site(express);
    shop.serve((req, res) => void res.vary('X-Kind').send(`kind ${req.get('X-Kind') ?? 'none'}`));
    for (const kind of [undefined, '', 'a']) {
      const headers: Record<string, string> = kind === undefined ? {} : { 'X-Kind': kind };
      expect(await shop.get('/', headers)).toMatchObject({ cache: 'MISS', text: `kind ${kind ?? 'none'}` });
    }
  });

  it('appends the Date to what comes without one (RFC 9110 §6.6.1)', async () => {
    const shop = site(express);
    shop.serve((_req, res) => {
      res.sendDate = false;
      res.end('page');
    });
    await shop.get('/');
    const date = Date.parse((await shop.get('/')).headers['date'] ?? '');
    expect(Math.abs(Date.now() - date)).toBeLessThan(10_000);
  });

  describe('an unsafe request', () => {
    async function purged(post: (shop: ReturnType<typeof site>) => Promise<unknown>, options = {}) {
      const shop = site(express, options);
      shop.serve((req, res) => void res.send(`${req.method} ${shop.runs.count}`));
      await shop.get('/list');
      await shop.get('/other');
      await post(shop);
      await until(() => shop.events.some(({ type }) => type === 'invalidated'));
      return Promise.all([shop.get('/list'), shop.get('/other')]).then((all) => all.map(({ cache }) => cache));
    }

    it.each(['PUT', 'DELETE', 'PATCH', 'PROPPATCH', 'MKCOL', 'LOCK'])(
      'by %s makes its target invalid (RFC 9111 §4.4)',
      async (method) => {
        const send = (shop: ReturnType<typeof site>) =>
          request(shop.app)[method.toLowerCase() as 'put']('/list').set('Accept-Encoding', 'identity');
        expect(await purged(async (shop) => void (await send(shop)))).toStrictEqual(['MISS', 'HIT']);
      },
    );

    it.each(['get', 'head', 'options'] as const)(
      'is none by %s: nothing is made invalid (RFC 9111 §4.4)',
      async (method) => {
        const shop = site(express);
        shop.serve((_req, res) => void res.send('x'));
        await shop.get('/list');
        await request(shop.app)[method]('/list?other');
        await request(shop.app)[method]('/list').set('Accept-Encoding', 'identity');
        expect((await shop.get('/list')).cache).toBe('HIT');
      },
    );

    it('reaches the copies of all users, and those of no other URL (RFC 9111 §4.4)', async () => {
      const shop = site(express, { user: (req) => req.get('X-User') });
      shop.serve((req, res) => void res.send(`${req.method} ${shop.runs.count}`));
      const clients: Record<string, string>[] = [{ 'X-User': 'ann' }, { 'X-User': 'bob' }, {}];
      const words = (path: string) =>
        clients.reduce<Promise<unknown[]>>(
          async (before, headers) => [...(await before), (await shop.get(path, headers)).cache],
          Promise.resolve([]),
        );
      for (const path of ['/list', '/other']) expect(await words(path)).toStrictEqual(['MISS', 'MISS', 'MISS']);
      expect(await words('/list')).toStrictEqual(['HIT', 'HIT', 'HIT']);
      await shop.post('/list', { 'X-User': 'ann' });
      expect(await words('/list')).toStrictEqual(['MISS', 'MISS', 'MISS']);
      expect(await words('/other')).toStrictEqual(['HIT', 'HIT', 'HIT']);
      await shop.cached.invalidate('/list');
      expect(await words('/list')).toStrictEqual(['MISS', 'MISS', 'MISS']);
    });

    it.each([
      ['https://%host%/a', 'another scheme'],
      ['http://evil.example/a', 'another host'],
      ['//evil.example/a', 'another host without a scheme'],
      ['http://%host%1/a', 'another port'],
    ])('leaves %s alone, which is %s (RFC 9111 §4.4)', async (location) => {
      const shop = site(express);
      shop.serve((req, res) => {
        const named = location.replace('%host%', req.headers.host ?? '');
        if (req.method === 'POST') res.set({ Location: named, 'Content-Location': named }).status(201);
        res.send('x');
      });
      await shop.get('/a');
      await shop.post('/new');
      expect(shop.events).toContainEqual({ type: 'invalidated', keys: ['/new'] });
      expect((await shop.get('/a')).cache).toBe('HIT');
    });
  });
});
