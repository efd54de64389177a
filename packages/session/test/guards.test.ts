import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, expressVersions } from '@sallyport/testkit';
import type { ShopOptions } from './shop.js';
import { openShop, sessionCookie } from './shop.js';

const routes: NonNullable<ShopOptions['routes']> = (app, sessions) => {
  app.get('/account', sessions.requireUser(), (_req, res) => res.json({ ok: true }));
  app.post('/pay', sessions.requireFresh({ maxAgeMs: 60_000 }), (_req, res) => res.json({ ok: true }));
  app.post('/confirm', (req, res, next) => {
    sessions.logIn(req, req.session.userId ?? '').then(() => res.json({ ok: true }), next);
  });
};

describe.each(expressVersions)('requireUser() and requireFresh() on $name', ({ express }) => {
  it('let a user pass, and answer 401 to others: a problem for clients of JSON, text for browsers (RFC 9457)', async () => {
    const shop = await openShop({ express, routes });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    expect((await shop.visit.get('/account').set('Cookie', cookie)).body).toStrictEqual({ ok: true });
    expect((await shop.visit.post('/pay').set('Cookie', cookie)).body).toStrictEqual({ ok: true });

    const refused = await shop.visit.get('/account').set('Accept', 'application/json');
    expect(refused.status).toBe(401);
    expect(refused.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'www-authenticate': 'Cookie cookie-name="sid"',
    });
    expect(refused.body).toStrictEqual({
      type: 'about:blank',
      status: 401,
      title: 'Log in first',
      reason: 'anonymous',
    });
    const page = await shop.visit.post('/pay').set('Accept', 'text/html,*/*;q=0.8');
    expect([page.status, page.headers['content-type'], page.text]).toStrictEqual([
      401,
      'text/plain; charset=utf-8',
      'Log in first\n',
    ]);
  });

  it('refuse a log-in of long ago, and take one of now', async () => {
    const shop = await openShop({ express, routes });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const keys = await shop.redis.keys(`${shop.prefix}*`);
    const key = keys.find((name) => !name.includes(':user:')) ?? '';
    const [created, end] = await shop.redis.hmget(key, 'c', 'e');
    // An hour ago, and it will end an hour earlier.
    await shop.redis.hset(key, 'c', Number(created) - 3_600_000, 'e', Number(end) - 3_600_000);
    const refused = await shop.visit.post('/pay').set('Cookie', cookie);
    expect([refused.status, refused.body.reason, refused.body.maxAgeMs]).toStrictEqual([401, 'stale', 60_000]);
    expect((await shop.visit.get('/account').set('Cookie', cookie)).status).toBe(200);
    const fresh = sessionCookie(await shop.visit.post('/confirm').set('Cookie', cookie));
    expect((await shop.visit.post('/pay').set('Cookie', fresh)).status).toBe(200);
  });

  it('refuse an anonymous session, and a session that was revoked', async () => {
    const shop = await openShop({ express, routes });
    const anonymous = sessionCookie(await shop.visit.post('/set/userId2/ann'));
    const revoked = sessionCookie(await shop.visit.post('/log-in/ann'));
    await shop.sessions.revokeAll('ann');
    for (const cookie of [anonymous, revoked]) {
      expect((await shop.visit.get('/account').set('Cookie', cookie)).status).toBe(401);
      expect((await shop.visit.post('/pay').set('Cookie', cookie)).status).toBe(401);
    }
  });
});

describe('requireUser() and requireFresh()', () => {
  it('answer 503 and not 401 while nobody knows who it is', async () => {
    const server = await dedicatedRedis();
    const redis = server.client();
    const shop = await openShop({ redis, routes, onStoreFailure: 'anonymous', deadlineMs: 200 });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    server.pause();
    const answers = [await shop.visit.get('/account').set('Cookie', cookie)];
    answers.push(await shop.visit.post('/pay').set('Cookie', cookie));
    server.resume();
    expect(answers.map(({ status }) => status)).toStrictEqual([503, 503]);
  });

  it('ask for a log-in from elsewhere, also after reload(), until there was one', async () => {
    const shop = await openShop({
      binding: { userAgent: 'step-up' },
      routes: (app, sessions) => {
        const guard = sessions.requireFresh({ maxAgeMs: 60_000 });
        app.post('/reload', (req, res, next) => {
          const begin = req.query['again'] === undefined ? req.session.reload() : sessions.logIn(req, 'ann');
          begin.then(() => guard(req, res, next), next);
        });
        app.post('/reload', (_req, res) => res.json({ ok: true }));
      },
    });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann').set('User-Agent', 'curl/8'));
    const ask = (path: string, userAgent: string) =>
      shop.visit.post(path).set({ Cookie: cookie, 'User-Agent': userAgent });
    expect((await ask('/reload', 'curl/8')).status).toBe(200);
    const elsewhere = await ask('/reload', 'wget/1');
    expect([elsewhere.status, elsewhere.body.reason]).toStrictEqual([401, 'step-up']);
    expect((await ask('/reload?again', 'wget/1')).status).toBe(200);
  });

  it('pass ERR_SESSION_MISSING on where the middleware has not run', async () => {
    const other = await openShop();
    const shop = await openShop({
      routes: (app) => app.get('/foreign', other.sessions.requireUser(), (_req, res) => res.json({ ok: true })),
    });
    const { body } = await shop.visit.get('/foreign');
    expect(body.code).toBe('ERR_SESSION_MISSING');
  });

  it.each([[0], [-1], [1.5], [Number.NaN], ['60'], [undefined]])('refuse maxAgeMs %p', async (maxAgeMs) => {
    const { sessions } = await openShop();
    expect(() => sessions.requireFresh({ maxAgeMs: maxAgeMs as number })).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_OPTION', option: 'maxAgeMs' }),
    );
  });
});
