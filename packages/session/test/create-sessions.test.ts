import { describe, expect, it } from '@jest/globals';
import { countCommands, expressVersions, keysUnder, uniquePrefix } from '@sallyport/testkit';
import type request from 'supertest';
import { cookiesOf, idOf, openShop, sessionCookie } from './shop.js';

describe.each(expressVersions)('createSessions() on $name', ({ express }) => {
  describe('an anonymous visit', () => {
    it('costs no command, sets no cookie and stores nothing', async () => {
      const shop = await openShop({ express });
      const { total } = await countCommands(shop.redis, async () => {
        for (let visits = 0; visits < 5; visits += 1) expect(cookiesOf(await shop.visit.get('/'))).toStrictEqual([]);
      });
      expect(total).toBe(0);
      expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toStrictEqual([]);
    });

    it.each([
      ['without a signature', 'sid=abc'],
      ['with a forged signature', `sid=s%3A${'A'.repeat(34)}.${'B'.repeat(43)}`],
      ['with a signature and no id', 'sid=s%3A.x'],
      ['of another name', 'connect.sid=s%3Aabc.def'],
      ['of ten thousand characters', `sid=s%3A${'x'.repeat(10_000)}.y`],
      ['with glob characters and braces', 'sid=s%3A*%7B%7D%5B%5D%00%0D%0A.z'],
    ])('costs no command with a cookie %s', async (_what, cookie) => {
      const shop = await openShop({ express });
      const { total, result } = await countCommands(shop.redis, async () => shop.visit.get('/').set('Cookie', cookie));
      expect(result.body).toStrictEqual({ userId: null, data: {} });
      expect(total).toBe(0);
    });

    it('does not take an id from query, body or header', async () => {
      const shop = await openShop({ express });
      const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
      const value = cookie.slice('sid='.length);
      const response = await shop.visit.get(`/?sid=${value}`).set('X-Session-Id', value).set('Authorization', value);
      expect(response.body).toStrictEqual({ userId: null, data: {} });
    });
  });

  describe('a session with data', () => {
    it('is created by the first write and found by the next request', async () => {
      const shop = await openShop({ express });
      const browser = shop.browser();
      const first = await browser.post('/set/theme/dark');
      expect(cookiesOf(first)).toStrictEqual([
        expect.stringMatching(/^sid=s%3A[^;]+; Path=\/; HttpOnly; SameSite=Lax$/),
      ]);
      expect(first.headers['cache-control']).toBe('no-store');
      expect((await browser.get('/')).body).toStrictEqual({ userId: null, data: { theme: 'dark' } });
      expect(shop.events).toStrictEqual([{ type: 'created', deviceId: expect.any(String) }]);
    });

    it('sets its cookie once, and leaves Cache-Control alone afterwards', async () => {
      const shop = await openShop({ express });
      const browser = shop.browser();
      await browser.post('/set/theme/dark');
      const again = await browser.post('/set/theme/light');
      expect(cookiesOf(again)).toStrictEqual([]);
      expect(again.headers).not.toHaveProperty('cache-control');
    });

    it('costs 1 command to read, 2 to write, 2 to log in and 2 to log out', async () => {
      const shop = await openShop({ express });
      const browser = shop.browser();
      // Redis learns the scripts before anything is counted.
      for (const path of ['/set/a/b', '/log-in/ann', '/log-out', '/set/a/b']) await browser.post(path);
      const cost = async (act: () => PromiseLike<request.Response>) => {
        const { total } = await countCommands(shop.redis, async () => act());
        return total;
      };
      expect(await cost(() => browser.get('/'))).toBe(1);
      expect(await cost(() => browser.post('/set/theme/dark'))).toBe(2);
      expect(await cost(() => browser.post('/set/theme/dark'))).toBe(1);
      expect(await cost(() => browser.post('/log-in/ann'))).toBe(2);
      expect(await cost(() => browser.post('/log-out'))).toBe(2);
    });

    it('keeps both of two concurrent writes to different properties', async () => {
      const shop = await openShop({ express });
      const cookie = sessionCookie(await shop.visit.post('/set/n0/0'));
      const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
      await Promise.all(names.map((name) => shop.visit.post(`/set/${name}/x`).set('Cookie', cookie)));
      const { body } = await shop.visit.get('/').set('Cookie', cookie);
      expect(Object.keys(body.data).toSorted()).toStrictEqual(names.toSorted());
    });

    it('forgets a deleted property', async () => {
      const shop = await openShop({
        express,
        routes: (app) =>
          app.post('/forget', (req, res) => {
            Reflect.deleteProperty(req.session, 'theme');
            res.end();
          }),
      });
      const browser = shop.browser();
      await browser.post('/set/theme/dark');
      await browser.post('/set/size/big');
      await browser.post('/forget');
      expect((await browser.get('/')).body.data).toStrictEqual({ size: 'big' });
    });

    it('is not known to another prefix or under another secret', async () => {
      const shop = await openShop({ express });
      const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
      const otherPrefix = await openShop({ express });
      const otherSecret = await openShop({
        express,
        prefix: shop.prefix,
        secrets: ['another secret of at least 32 bytes'],
      });
      expect((await otherPrefix.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({});
      expect((await otherSecret.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({});
    });

    it('is accepted under a previous secret, and signed with the current one', async () => {
      const prefix = uniquePrefix('session');
      const [previous, current] = ['the previous secret, also of 32 bytes', 'the current secret, also of 32 bytes'];
      const before = await openShop({ express, prefix, secrets: [previous] });
      const after = await openShop({ express, prefix, secrets: [current, previous] });
      const cookie = sessionCookie(await before.visit.post('/set/theme/dark'));
      expect((await after.visit.get('/').set('Cookie', cookie)).body.data).toStrictEqual({ theme: 'dark' });
      const fresh = sessionCookie(await after.visit.post('/set/theme/dark'));
      expect((await before.visit.get('/').set('Cookie', fresh)).body.data).toStrictEqual({});
    });
  });

  it('gives a signed id that was never issued no session, and another id to the next one', async () => {
    const shop = await openShop({ express });
    const cookie = sessionCookie(await shop.visit.post('/set/theme/dark'));
    await shop.sessions.clear();
    const response = await shop.visit.post('/set/theme/light').set('Cookie', cookie);
    expect(idOf(sessionCookie(response))).toMatch(/^[\w-]{34}$/);
    expect(idOf(sessionCookie(response))).not.toBe(idOf(cookie));
    expect(shop.events.map(({ type }) => type)).toStrictEqual(['created', 'unknown', 'created']);
  });

  it('stays out of paths that the cookie is not for', async () => {
    const shop = await openShop({
      express,
      cookie: { path: '/account' },
      routes: (app) => app.get('/public', (req, res) => res.json({ hasSession: Boolean(req.session) })),
    });
    expect((await shop.visit.get('/public')).body).toStrictEqual({ hasSession: false });
  });

  it('leaves a request alone that has a session already', async () => {
    const shop = await openShop({
      express,
      before: (app) =>
        app.use((req, _res, next) => {
          Reflect.set(req, 'session', { theme: 'foreign' });
          next();
        }),
    });
    expect((await shop.visit.get('/')).body.data).toStrictEqual({ theme: 'foreign' });
  });
});

describe('createSessions().of()', () => {
  it('throws ERR_SESSION_MISSING for a request that the middleware has not seen', async () => {
    const { sessions } = await openShop();
    expect(() => sessions.of({} as never)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_MISSING' }));
    await expect(sessions.logIn({} as never, 'ann')).rejects.toMatchObject({ code: 'ERR_SESSION_MISSING' });
    await expect(sessions.logOut({} as never)).rejects.toMatchObject({ code: 'ERR_SESSION_MISSING' });
  });
});
