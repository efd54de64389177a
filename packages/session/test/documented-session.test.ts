import { describe, expect, it } from '@jest/globals';
import { countCommands, expressVersions, keysUnder, type Express } from '@sallyport/testkit';
import type { Request, Response } from 'express';
import { cookiesOf, idOf, openShop, sessionCookie, type ShopOptions } from './shop.js';

/** A shop with one route that a test writes. */
function openWith(
  express: Express,
  handle: (req: Request, res: Response) => unknown,
  options: Omit<ShopOptions, 'routes'> = {},
) {
  return openShop({
    ...options,
    express,
    routes: (app) =>
      app.all('/act', (req, res, next) => {
        Promise.resolve(handle(req, res)).then(() => res.headersSent || res.json({ ok: true }), next);
      }),
  });
}

const ttlOf = async (shop: { redis: { pttl(key: string): Promise<number> }; prefix: string }, keys: string[]) =>
  shop.redis.pttl(keys.find((key) => !key.includes(':user:')) ?? '');

describe.each(expressVersions)('what express-session documents, on $name', ({ express }) => {
  describe('req.session.save(), reload(), regenerate() and destroy()', () => {
    it('give promises without a callback, and the session with one', async () => {
      const seen: unknown[] = [];
      const shop = await openWith(express, async (req) => {
        const before = req.session;
        Reflect.set(req.session, 'a', 1);
        seen.push(await req.session.save());
        Reflect.set(req.session, 'a', 2);
        seen.push(await req.session.reload(), Reflect.get(req.session, 'a'), req.session === before);
        seen.push(await req.session.regenerate(), req.session.id === before.id, Reflect.get(req.session, 'a'));
        const saved = await new Promise((resolve) => {
          const returned: unknown = req.session.save(() => resolve(returned === req.session));
        });
        seen.push(saved, await req.session.destroy(), req.session);
      });
      expect((await shop.visit.post('/act')).status).toBe(200);
      const [none, old] = [undefined, 1];
      expect(seen).toStrictEqual([none, none, old, false, none, false, none, true, none, none]);
      expect(shop.events.map(({ type }) => type)).toStrictEqual(['created', 'destroyed']);
    });

    it('can be called again on what reload() and regenerate() gave', async () => {
      const shop = await openWith(express, async (req) => {
        Reflect.set(req.session, 'a', 1);
        await req.session.save();
        await req.session.reload();
        Reflect.set(req.session, 'a', 2);
        await req.session.save();
        await req.session.reload();
        await req.session.update('a', (a: number | undefined) => (a ?? 0) + 1);
      });
      const browser = shop.browser();
      await browser.post('/act');
      expect((await browser.get('/')).body.data).toStrictEqual({ a: 3 });
    });

    it('reject, and crash nothing where nobody waits', async () => {
      const seen: unknown[] = [];
      const shop = await openWith(express, async (req) => {
        await shop.sessions.clear();
        void req.session.reload();
        seen.push(await req.session.reload().catch((error: unknown) => error));
        Reflect.set(req.session, 'a', 1);
        void req.session.save();
        seen.push(await req.session.save().catch((error: unknown) => error));
      });
      const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
      expect((await shop.visit.post('/act').set('Cookie', cookie)).status).toBe(409);
      const gone = expect.objectContaining({ code: 'ERR_SESSION_GONE' });
      expect(seen).toStrictEqual([gone, gone]);
    });
  });

  describe('req.session.cookie.maxAge', () => {
    it('is kept for the session, to the millisecond, in place of idleMs, and the browser is told', async () => {
      const shop = await openWith(express, (req) => {
        req.session.cookie.maxAge = 3_600_500;
      });
      const browser = shop.browser();
      await browser.post('/set/theme/dark');
      const response = await browser.post('/act');
      expect(cookiesOf(response)).toStrictEqual([expect.stringMatching(/^sid=.*Expires=/)]);
      const keys = await keysUnder(shop.redis, `${shop.prefix}*`);
      expect(await shop.redis.hget(keys[0] ?? '', 'm')).toMatch(/^3600(?:500|499)$/);
      await shop.redis.pexpire(keys[0] ?? '', 1_000_000);
      await browser.get('/');
      expect(await ttlOf(shop, keys)).toBeGreaterThan(3_500_000);
      await browser.post('/set/theme/light');
      expect(await ttlOf(shop, keys)).toBeGreaterThan(3_500_000);
    });

    it('never reaches beyond the absolute end, neither in Redis nor in the browser', async () => {
      const shop = await openWith(
        express,
        (req) => {
          req.session.cookie.maxAge = 86_400_000;
          Reflect.set(req.session, 'a', 1);
        },
        { idleMs: 60_000, absoluteMs: 120_000 },
      );
      const [cookie = ''] = cookiesOf(await shop.visit.post('/act'));
      const expires = Date.parse(/Expires=([^;]+)/.exec(cookie)?.[1] ?? '');
      expect(expires).toBeLessThanOrEqual(Date.now() + 121_000);
      expect(await ttlOf(shop, await keysUnder(shop.redis, `${shop.prefix}*`))).toBeLessThanOrEqual(120_000);
    });

    it('is given up again with null', async () => {
      const shop = await openWith(express, (req) => {
        req.session.cookie.maxAge = req.query['ms'] === undefined ? (null as unknown as number) : 5_000_000;
        Reflect.set(req.session, 'a', Number(req.query['ms'] ?? 0));
      });
      const browser = shop.browser();
      await browser.post('/act?ms=1');
      await browser.post('/act');
      const [key = ''] = await keysUnder(shop.redis, `${shop.prefix}*`);
      expect(await shop.redis.hget(key, 'm')).toBeNull();
      expect(await shop.redis.pttl(key)).toBeLessThanOrEqual(600_000);
    });
  });

  it('rolling sets the cookie with every response of a session, and with none without', async () => {
    const shop = await openShop({ express, rolling: true });
    const browser = shop.browser();
    expect(cookiesOf(await browser.get('/'))).toStrictEqual([]);
    const first = sessionCookie(await browser.post('/set/theme/dark'));
    expect(idOf(sessionCookie(await browser.get('/')))).toBe(idOf(first));
  });

  it('resave extends a session that did not change, and undoes nothing that others wrote', async () => {
    const shop = await openShop({
      express,
      resave: true,
      routes: (app) =>
        app.get('/slow', async (req, res) => {
          await shop.visit.post('/set/theme/light').set('Cookie', req.headers.cookie ?? '');
          res.end();
        }),
    });
    const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
    const [key = ''] = await keysUnder(shop.redis, `${shop.prefix}*`);
    await shop.redis.pexpire(key, 590_000);
    const { total } = await countCommands(shop.redis, async () => shop.visit.get('/').set('Cookie', cookie));
    expect(total).toBe(2);
    expect(await shop.redis.pttl(key)).toBeGreaterThan(595_000);
    await shop.visit.get('/slow').set('Cookie', cookie);
    expect((await shop.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({ theme: 'light' });
  });

  it('saveUninitialized stores a session without data, and sets its cookie', async () => {
    const shop = await openShop({ express, saveUninitialized: true });
    const cookie = sessionCookie(await shop.visit.get('/'));
    expect(idOf(cookie)).toHaveLength(34);
    expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toHaveLength(1);
    const again = await shop.visit.get('/').set('Cookie', cookie);
    expect(cookiesOf(again)).toStrictEqual([]);
  });

  describe('unset', () => {
    const take = (req: Request) => void Reflect.deleteProperty(req, 'session');

    it('destroy ends the session whose req.session was deleted, before the response, and clears the cookie', async () => {
      const shop = await openWith(express, take, { unset: 'destroy' });
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      const response = await shop.visit.post('/act').set('Cookie', cookie);
      expect(cookiesOf(response)).toStrictEqual([expect.stringMatching(/^sid=; .*1970/)]);
      expect(await shop.sessions.list('ann')).toStrictEqual([]);
      expect(shop.events.at(-1)).toMatchObject({ type: 'destroyed', userId: 'ann' });
    });

    it('keep, the default, leaves it as it was', async () => {
      const shop = await openWith(express, take);
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      expect(cookiesOf(await shop.visit.post('/act').set('Cookie', cookie))).toStrictEqual([]);
      expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBe('ann');
    });
  });

  describe('genid', () => {
    it('gives the random part of the id, also at log-in', async () => {
      let count = 0;
      const genid = () => `a-custom-id-of-32-characters-${String((count += 1)).padStart(3, '0')}`;
      const shop = await openShop({ express, genid });
      const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
      expect(decodeURIComponent(cookie)).toMatch(/^sid=s:[\w-]{2}~a-custom-id-of-32-characters-001\./);
      const loggedIn = sessionCookie(await shop.visit.post('/log-in/ann').set('Cookie', cookie));
      expect((await shop.visit.get('/').set('Cookie', loggedIn)).body.userId).toBe('ann');
      expect((await shop.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({});
    });

    it('is refused what is too short, has other characters or is in use (ERR_SESSION_ID)', async () => {
      for (const bad of ['short', 'x'.repeat(21), `${'x'.repeat(22)};`, 7, undefined]) {
        const shop = await openShop({ express, genid: () => bad as string });
        expect([(await shop.visit.get('/')).status, cookiesOf(await shop.visit.get('/'))]).toStrictEqual([500, []]);
      }
      const shop = await openShop({ express, genid: () => 'always-the-same-id-of-many-characters' });
      await shop.visit.post('/log-in/ann');
      const second = await shop.visit.post('/log-in/ann');
      expect([second.status, second.body.code]).toStrictEqual([500, 'ERR_SESSION_ID']);
      expect(cookiesOf(second)).toStrictEqual([]);
    });
  });

  it('touch says per request whether the idle time is extended: polling keeps nobody logged in', async () => {
    const shop = await openShop({ express, touch: (req) => req.path !== '/devices' });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const keys = await keysUnder(shop.redis, `${shop.prefix}*`);
    const key = keys.find((name) => !name.includes(':user:')) ?? '';
    await shop.redis.pexpire(key, 50_000);
    expect((await shop.visit.get('/devices').set('Cookie', cookie)).body).toHaveLength(1);
    expect(await shop.redis.pttl(key)).toBeLessThanOrEqual(50_000);
    await shop.visit.get('/').set('Cookie', cookie);
    expect(await shop.redis.pttl(key)).toBeGreaterThan(500_000);
  });
});

describe('onGone', () => {
  const open = (options: ShopOptions) =>
    openShop({
      ...options,
      routes: (app, sessions) =>
        app.post('/late', async (req, res) => {
          await sessions.revokeAll('ann');
          sessions.of(req).theme = 'late';
          res.json({ said: 'done' });
        }),
    });

  it.each([
    ['conflict', 409, 0],
    ['unauthorized', 401, 1],
    ['discard', 200, 1],
  ] as const)('%s answers the request that lost with %i', async (onGone, status, cleared) => {
    const shop = await open({ onGone });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const response = await shop.visit.post('/late').set('Cookie', cookie);
    expect(response.status).toBe(status);
    expect(cookiesOf(response).filter((line) => line.startsWith('sid=;'))).toHaveLength(cleared);
    expect(cookiesOf(response)).toHaveLength(cleared);
    expect(shop.events.map(({ type }) => type)).toContain('gone');
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
    if (onGone === 'discard') expect(response.body).toStrictEqual({ said: 'done' });
  });
});

describe('maxBytes', () => {
  it('refuses what is too large, keeps what was there, and lets a session that is too large already shrink', async () => {
    const routes: ShopOptions['routes'] = (app, sessions) =>
      app.post('/fill/:bytes', (req, res) => {
        sessions.of(req).theme = 'x'.repeat(Number(req.params['bytes']));
        res.end();
      });
    const shop = await openShop({ maxBytes: 2_000, routes });
    const browser = shop.browser();
    const cookie = sessionCookie(await browser.post('/fill/1900'));
    const visit = (path: string, on = shop) => on.visit.post(path).set('Cookie', cookie);
    expect((await visit('/fill/3000')).status).toBe(500);
    expect((await shop.visit.get('/').set('Cookie', cookie)).body.data.theme).toHaveLength(1_900);
    const stricter = await openShop({ prefix: shop.prefix, maxBytes: 256, routes });
    expect((await visit('/fill/1901', stricter)).status).toBe(500);
    expect((await visit('/fill/1900', stricter)).status).toBe(200);
    expect((await visit('/fill/1000', stricter)).status).toBe(200);
    expect((await visit('/fill/100', stricter)).status).toBe(200);
    expect((await visit('/fill/300', stricter)).status).toBe(500);
  });
});

describe('stats()', () => {
  it('counts the events', async () => {
    const shop = await openShop();
    const browser = shop.browser();
    await browser.post('/log-in/ann');
    await browser.post('/log-out');
    expect(shop.sessions.stats()).toStrictEqual({ 'logged-in': 1, 'logged-out': 1 });
  });
});
