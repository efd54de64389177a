import { describe, expect, it } from '@jest/globals';
import { deferred, expressVersions, keysUnder, until } from '@sallyport/testkit';
import { cookiesOf, idOf, openShop, sessionCookie } from './shop.js';

/** A shop with a route that reads its session, waits for the test, and then writes or only answers. */
async function openSlowShop(express: NonNullable<Parameters<typeof openShop>[0]>['express']) {
  const gate = deferred();
  const arrived = deferred();
  const shop = await openShop({
    ...(express === undefined ? {} : { express }),
    routes: (app, sessions) => {
      app.post('/slow/:what', async (req, res) => {
        arrived.resolve();
        await gate.promise;
        if (req.params.what === 'write') sessions.of(req).theme = 'late';
        res.json({ userId: req.session.userId ?? null });
      });
    },
  });
  return { ...shop, gate, arrived };
}

describe.each(expressVersions)('logIn() on $name', ({ express }) => {
  it('gives a new id and the user, and kills the id that was there before (session fixation)', async () => {
    const shop = await openShop({ express });
    const attackers = sessionCookie(await shop.visit.post('/set/theme/planted'));
    const loggedIn = await shop.visit.post('/log-in/ann').set('Cookie', attackers);
    const victims = sessionCookie(loggedIn);
    expect(idOf(victims)).not.toBe(idOf(attackers));
    expect((await shop.visit.get('/').set('Cookie', victims)).body).toStrictEqual({ userId: 'ann', data: {} });
    expect((await shop.visit.get('/').set('Cookie', attackers)).body).toStrictEqual({ userId: null, data: {} });
  });

  it('takes along only what keep names', async () => {
    const { browser } = await openShop({ express });
    const visitor = browser();
    await visitor.post('/set/cart/apples');
    await visitor.post('/set/isAdmin/yes');
    await visitor.post('/log-in/ann?keep=cart,theme');
    expect((await visitor.get('/')).body).toStrictEqual({ userId: 'ann', data: { cart: 'apples' } });
  });

  it('gives another id again when a logged-in user logs in anew, and lists one device', async () => {
    const shop = await openShop({ express });
    const browser = shop.browser();
    const first = sessionCookie(await browser.post('/log-in/ann'));
    const second = sessionCookie(await browser.post('/log-in/ann'));
    expect(idOf(second)).not.toBe(idOf(first));
    expect((await shop.visit.get('/').set('Cookie', first)).body.userId).toBeNull();
    const [index = ''] = await keysUnder(shop.redis, `${shop.prefix}*:user:ann`);
    expect(await shop.redis.zcard(index)).toBe(1);
  });

  it('sets exactly one cookie, also after several changes of id in one request', async () => {
    const shop = await openShop({
      express,
      routes: (app, sessions) =>
        app.post('/restless', (req, res, next) => {
          const act = async () => {
            await sessions.logIn(req, 'ann');
            await sessions.logOut(req);
            await sessions.logIn(req, 'bob');
          };
          act().then(() => res.end(), next);
        }),
    });
    const response = await shop.visit.post('/restless');
    expect(cookiesOf(response)).toHaveLength(1);
    const { body } = await shop.visit.get('/').set('Cookie', sessionCookie(response));
    expect(body.userId).toBe('bob');
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
  });

  it.each([[''], [7], [undefined], ['x'.repeat(513)], ['\ud800']])('refuses %p as a user id', async (userId) => {
    const shop = await openShop({
      express,
      routes: (app, sessions) =>
        app.post('/bad', (req, res, next) => {
          sessions.logIn(req, userId as string).then(() => res.end(), next);
        }),
    });
    const response = await shop.visit.post('/bad');
    expect(response.body.code).toBe('ERR_SESSION_USER_ID');
    expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toStrictEqual([]);
  });

  it('refuses an assignment to req.session.userId and says what to call', async () => {
    const shop = await openShop({
      express,
      routes: (app) =>
        app.post('/old-habit', (req, res) => {
          Reflect.set(req.session, 'userId', 'root');
          res.end();
        }),
    });
    const response = await shop.visit.post('/old-habit');
    expect(response.body).toMatchObject({ code: 'ERR_SESSION_USER_ID', message: expect.stringContaining('logIn(') });
  });

  it('refuses once the response has begun, because no cookie can follow', async () => {
    const outcome = deferred<unknown>();
    const shop = await openShop({
      express,
      routes: (app, sessions) =>
        app.post('/late', (req, res) => {
          res.write('begun');
          sessions
            .logIn(req, 'ann')
            .catch(outcome.resolve)
            .finally(() => res.end());
        }),
    });
    await shop.visit.post('/late');
    expect(await outcome.promise).toMatchObject({ code: 'ERR_SESSION_COOKIE', obstacle: 'headers-sent' });
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
  });

  it('keeps hostile user ids apart', async () => {
    const shop = await openShop({ express });
    const users = ['a:b', 'a', 'a}{b', '*', 'a%3Ab', 'ä', '__proto__', 'a b'];
    for (const user of users) await shop.visit.post(`/log-in/${encodeURIComponent(user)}`);
    for (const user of users) expect(await shop.sessions.list(user)).toHaveLength(1);
    expect(await shop.sessions.revokeAll('*')).toBe(1);
    for (const user of users.filter((user) => user !== '*')) expect(await shop.sessions.list(user)).toHaveLength(1);
  });
});

describe.each(expressVersions)('logOut() on $name', ({ express }) => {
  it('ends the session everywhere and clears the cookie with the attributes that it was set with', async () => {
    const shop = await openShop({ express, cookie: { sameSite: 'strict' } });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const response = await shop.visit.post('/log-out').set('Cookie', cookie);
    const gone = 'sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Strict';
    expect(cookiesOf(response)).toStrictEqual([gone]);
    expect(response.headers['cache-control']).toBe('no-store');
    expect((await shop.visit.get('/').set('Cookie', cookie)).body).toStrictEqual({ userId: null, data: {} });
    expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toStrictEqual([]);
    expect(shop.events.at(-2)).toMatchObject({ type: 'logged-out', userId: 'ann' });
  });

  it('does nothing to an anonymous visitor', async () => {
    const shop = await openShop({ express });
    expect((await shop.visit.post('/log-out')).status).toBe(200);
    expect(shop.events).toStrictEqual([]);
  });

  it('leaves an empty session that can be used at once, under a new id', async () => {
    const shop = await openShop({
      express,
      routes: (app, sessions) =>
        app.post('/bye', (req, res, next) => {
          sessions.logOut(req).then(() => {
            sessions.of(req).theme = 'goodbye';
            res.end();
          }, next);
        }),
    });
    const browser = shop.browser();
    const before = idOf(sessionCookie(await browser.post('/log-in/ann')));
    const response = await browser.post('/bye');
    expect(cookiesOf(response)).toHaveLength(1);
    expect(idOf(sessionCookie(response))).not.toBe(before);
    expect((await browser.get('/')).body).toStrictEqual({ userId: null, data: { theme: 'goodbye' } });
  });

  it('is not undone by a writer that was under way: it gets 409 and nothing is stored', async () => {
    const shop = await openSlowShop(express);
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const writer = shop.visit
      .post('/slow/write')
      .set('Cookie', cookie)
      .then((response) => response);
    await shop.arrived.promise;
    await shop.visit.post('/log-out').set('Cookie', cookie);
    shop.gate.resolve();
    const response = await writer;
    expect(response.status).toBe(409);
    expect(cookiesOf(response)).toStrictEqual([]);
    expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toStrictEqual([]);
    expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBeNull();
    expect(shop.events.map(({ type }) => type)).toContain('gone');
  });

  it('is not undone by a reader that was under way', async () => {
    const shop = await openSlowShop(express);
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const reader = shop.visit
      .post('/slow/read')
      .set('Cookie', cookie)
      .then((response) => response);
    await shop.arrived.promise;
    await shop.visit.post('/log-out').set('Cookie', cookie);
    shop.gate.resolve();
    expect((await reader).status).toBe(200);
    expect(await keysUnder(shop.redis, `${shop.prefix}*`)).toStrictEqual([]);
  });
});

describe('logOut() among many requests', () => {
  it('leaves no session behind, whatever readers and writers do at the same time', async () => {
    const shop = await openShop();
    for (let round = 0; round < 20; round += 1) {
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      const paths = ['/set/a/1', '/set/b/2', '/log-out', '/set/a/3', '/set/c/4'];
      await Promise.all(paths.map((path) => shop.visit.post(path).set('Cookie', cookie)));
      expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBeNull();
    }
    // Writers that came after the log-out have anonymous sessions of their own; none belongs to the user.
    expect(await until(async () => (await shop.sessions.list('ann')).length === 0)).toBe(true);
  });
});

describe('req.session.destroy() and regenerate()', () => {
  it('end the session and clear the cookie', async () => {
    const shop = await openShop({
      routes: (app) => {
        app.post('/destroy', (req, res, next) => {
          req.session.destroy((error: unknown) => (error ? next(error) : res.end()));
        });
        app.post('/regenerate', (req, res, next) => {
          req.session.regenerate((error: unknown) => (error ? next(error) : res.end()));
        });
      },
    });
    for (const path of ['/destroy', '/regenerate']) {
      const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
      const response = await shop.visit.post(path).set('Cookie', cookie);
      expect(cookiesOf(response)).toStrictEqual([expect.stringMatching(/^sid=; .*1970/)]);
      expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBeNull();
      expect(await shop.sessions.list('ann')).toStrictEqual([]);
    }
  });
});
