import { describe, expect, it } from '@jest/globals';
import { connect, countCommands, expressVersions, keysUnder, uniquePrefix } from '@sallyport/testkit';
import { cookieOf, idIn } from './checklist/line.js';
import { plainSubject } from './checklist/plain-shop.js';
import { cookiesOf, idOf, openShop, secret, sessionCookie, type ShopOptions } from './shop.js';

/** A shop that has moved from express-session on connect-redis, which still runs beside it. */
async function move(options: ShopOptions = {}) {
  const redis = connect();
  const prefix = uniquePrefix('sess');
  const old = await plainSubject.open({ redis, prefix });
  const shop = await openShop({ redis, migrateFrom: { prefix }, ...options });
  return { old, shop, redis, prefix };
}

describe.each(expressVersions)('migrateFrom on $name', ({ express }) => {
  it('keeps a user of express-session and connect-redis logged in, with all data, and changes the cookies', async () => {
    const { old, shop, redis, prefix } = await move({ express });
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    await old.visit.post('/set/theme/dark').set('Cookie', before);

    const response = await shop.visit.get('/').set('Cookie', before);
    expect(response.body).toStrictEqual({ userId: 'ann', data: { theme: 'dark' } });
    const [ours = '', theirs] = cookiesOf(response);
    expect(ours).toMatch(/^sid=s%3A[\w-]{34}\.[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(theirs).toBe('connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly');
    expect(response.headers['cache-control']).toBe('no-store');

    const after = await shop.visit.get('/').set('Cookie', sessionCookie(response));
    expect(after.body).toStrictEqual({ userId: 'ann', data: { theme: 'dark' } });
    expect(cookiesOf(after)).toStrictEqual([]);
    // Nothing is left but where it went, without its id.
    expect(await keysUnder(redis, `${prefix}*`)).toStrictEqual([]);
    const [forward = '', ...others] = await keysUnder(redis, `${shop.prefix}*:moved`);
    expect([others, await redis.get(forward)]).toStrictEqual([[], idOf(ours).slice(0, 2)]);
    expect(forward).not.toContain(idIn(before).slice(0, 8));
    expect(await shop.sessions.list('ann')).toHaveLength(1);
  });
});

describe('migrateFrom', () => {
  it('costs 5 commands when a session is taken over, and 1 from then on', async () => {
    const { old, shop } = await move();
    // Redis learns the scripts before anything is counted.
    for (const user of ['warm', 'up']) {
      await shop.visit.get('/').set('Cookie', cookieOf(await old.visit.post(`/log-in/${user}`)));
    }
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const first = await countCommands(shop.redis, async () => shop.visit.get('/').set('Cookie', before));
    expect(first.total).toBe(5);
    const cookie = sessionCookie(first.result);
    const later = await countCommands(shop.redis, async () => shop.visit.get('/').set('Cookie', cookie));
    expect(later.total).toBe(1);
    expect((await countCommands(shop.redis, async () => shop.visit.get('/'))).total).toBe(0);
  });

  it('gives 30 parallel requests with the old cookie one session, whose writes all stay', async () => {
    const { old, shop } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const responses = await Promise.all(names.map((name) => shop.visit.post(`/set/${name}/x`).set('Cookie', before)));
    expect(responses.map(({ status }) => status)).toStrictEqual(names.map(() => 200));
    expect(new Set(responses.map((response) => idOf(sessionCookie(response)))).size).toBe(1);
    const { body } = await shop.visit.get('/').set('Cookie', sessionCookie(responses[0] as never));
    expect(Object.keys(body.data).toSorted()).toStrictEqual(names.toSorted());
    expect(shop.events.filter(({ type }) => type === 'taken-over')).toHaveLength(1);
  });

  it('does not bring a session back after its log-out, whichever cookie asks', async () => {
    const { old, shop } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const cookie = sessionCookie(await shop.visit.get('/').set('Cookie', before));
    await shop.visit.post('/log-out').set('Cookie', cookie);
    for (const sent of [before, cookie, `${before}; ${cookie}`]) {
      expect((await shop.visit.get('/').set('Cookie', sent)).body.userId).toBeNull();
    }
  });

  it('does not count as a fresh log-in', async () => {
    const { old, shop } = await move({
      routes: (app, sessions) =>
        app.post('/pay', sessions.requireFresh({ maxAgeMs: 60_000 }), (_req, res) => res.json({ ok: true })),
    });
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const first = await shop.visit.post('/pay').set('Cookie', before);
    expect([first.status, first.body.reason]).toStrictEqual([401, 'stale']);
    const fresh = sessionCookie(await shop.visit.post('/log-in/ann').set('Cookie', sessionCookie(first)));
    expect((await shop.visit.post('/pay').set('Cookie', fresh)).status).toBe(200);
  });

  it('takes an anonymous session over as one, and ends it at the log-in that follows', async () => {
    const { old, shop } = await move();
    const before = cookieOf(await old.visit.post('/set/cart/full'));
    const response = await shop.visit.post('/log-in/ann?keep=cart').set('Cookie', before);
    const after = sessionCookie(response);
    expect(cookiesOf(response).filter((line) => line.startsWith('sid='))).toHaveLength(1);
    expect((await shop.visit.get('/').set('Cookie', after)).body).toStrictEqual({
      userId: 'ann',
      data: { cart: 'full' },
    });
    expect((await shop.visit.get('/').set('Cookie', before)).body.data).toStrictEqual({});
  });

  it('finds the user where the application kept it, and keeps the property', async () => {
    const prefix = uniquePrefix('sess');
    const userIdOf = (data: Readonly<Record<string, unknown>>) =>
      (data['passport'] as { user?: string } | undefined)?.user;
    const { old, shop } = await move({ migrateFrom: { prefix, userIdOf } });
    const redis = shop.redis;
    const before = cookieOf(await old.visit.post('/set/a/b'));
    const value = { cookie: { originalMaxAge: null, httpOnly: true, path: '/' }, passport: { user: 'u7' } };
    await redis.set(`${prefix}${idIn(before)}`, JSON.stringify(value), 'EX', 60);
    const { body } = await shop.visit.get('/').set('Cookie', before);
    expect(body).toStrictEqual({ userId: 'u7', data: { passport: { user: 'u7' } } });
  });

  it.each([
    ['a number', 7, '7'],
    ['null', null, null],
    ['nothing', undefined, null],
  ])('takes %s for the user that it is', async (_what, found, userId) => {
    const prefix = uniquePrefix('sess');
    const { old, shop } = await move({ migrateFrom: { prefix, userIdOf: () => found } });
    const other = await plainSubject.open({ redis: shop.redis, prefix });
    const before = cookieOf(await other.visit.post('/set/a/b'));
    expect((await shop.visit.get('/').set('Cookie', before)).body).toStrictEqual({ userId, data: { a: 'b' } });
    expect((await old.visit.get('/').set('Cookie', before)).body.userId).toBeNull();
  });

  it('loses no session over a userIdOf that throws or gives what is no user id', async () => {
    const prefix = uniquePrefix('sess');
    const redis = connect();
    const old = await plainSubject.open({ redis, prefix });
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const broken = await openShop({ redis, migrateFrom: { prefix, userIdOf: () => ({ id: 1 }) as never } });
    const refused = await broken.visit.get('/').set('Cookie', before);
    expect([refused.status, refused.body.code]).toStrictEqual([500, 'ERR_SESSION_USER_ID']);
    expect(await redis.ttl(`${prefix}${idIn(before)}`)).toBeGreaterThan(500);
    const mended = await openShop({ redis, prefix: broken.prefix, migrateFrom: { prefix } });
    expect((await mended.visit.get('/').set('Cookie', before)).body.userId).toBe('ann');
  });

  it('works under the same cookie name, with the old secrets', async () => {
    const redis = connect();
    const prefix = uniquePrefix('sess');
    const weak = 'keyboard cat';
    const old = await plainSubject.open({ redis, prefix, secrets: [weak] });
    const cookie = { name: 'connect.sid' };
    const shop = await openShop({ redis, cookie, migrateFrom: { prefix, secrets: [weak] } });
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const response = await shop.visit.get('/').set('Cookie', before);
    expect(response.body.userId).toBe('ann');
    expect(cookiesOf(response)).toStrictEqual([expect.stringMatching(/^connect\.sid=s%3A[\w-]{34}\./)]);
    expect((await shop.visit.get('/').set('Cookie', cookieOf(response))).body.userId).toBe('ann');
  });

  it.each([
    ['that is no JSON', '{oops'],
    ['that is an array', '[1]'],
    ['that is null', 'null'],
    ['that has expired', '{"cookie":{"expires":"2001-01-01T00:00:00.000Z"},"userId":"ann"}'],
  ])('removes an old session %s, and goes on as anonymous', async (_what, value) => {
    const { old, shop, redis, prefix } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    await redis.set(`${prefix}${idIn(before)}`, value);
    const response = await shop.visit.get('/').set('Cookie', before);
    expect([response.status, response.body]).toStrictEqual([200, { userId: null, data: {} }]);
    expect(await keysUnder(redis, `${prefix}*`)).toStrictEqual([]);
  });

  it('lets no stored name reach a prototype', async () => {
    const { old, shop, redis, prefix } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const value =
      '{"cookie":{},"userId":"ann","__proto__":{"polluted":1},"x":{"__proto__":{"polluted":1}},"constructor":1}';
    await redis.set(`${prefix}${idIn(before)}`, value);
    const { body } = await shop.visit.get('/').set('Cookie', before);
    expect(body).toStrictEqual({ userId: 'ann', data: { x: {} } });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('asks Redis nothing for a forged old cookie, nor over plain HTTP that could not take the new one', async () => {
    const { old, shop } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const { total } = await countCommands(shop.redis, async () => {
      expect((await shop.visit.get('/').set('Cookie', before.replace(/.$/, '!'))).body.userId).toBeNull();
      expect((await shop.visit.get('/').set('Cookie', before).set('Host', 'shop.example')).body.userId).toBeNull();
    });
    expect(total).toBe(0);
    expect((await shop.visit.get('/').set('Cookie', before)).body.userId).toBe('ann');
  });

  it('answers 503 while Redis is down, and takes the session over when it is back', async () => {
    const { old, prefix } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const redis = connect();
    const shop = await openShop({ redis, migrateFrom: { prefix }, deadlineMs: 250 });
    redis.disconnect();
    expect((await shop.visit.get('/').set('Cookie', before)).status).toBe(503);
    await redis.connect();
    expect((await shop.visit.get('/').set('Cookie', before)).body.userId).toBe('ann');
  });

  it("goes on without the session while Redis is down with onStoreFailure 'anonymous', and saves nothing", async () => {
    const { old, prefix } = await move();
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const redis = connect();
    const shop = await openShop({ redis, migrateFrom: { prefix }, deadlineMs: 250, onStoreFailure: 'anonymous' });
    redis.disconnect();
    const answers = [
      await shop.visit.get('/').set('Cookie', before),
      await shop.visit.post('/set/a/b').set('Cookie', before),
      await shop.visit.post('/log-in/eve').set('Cookie', before),
    ];
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 503, 503]);
    expect(answers.flatMap(cookiesOf)).toStrictEqual([]);
    await redis.connect();
    expect((await shop.visit.get('/').set('Cookie', before)).body.userId).toBe('ann');
  });

  it('takes a session over whose claim was never finished, and waits for one that is under way', async () => {
    const { old, shop, redis, prefix } = await move({ deadlineMs: 250 });
    const before = cookieOf(await old.visit.post('/log-in/ann'));
    const key = `${prefix}${idIn(before)}`;
    const json = (await redis.get(key)) ?? '';
    await redis.set(key, json.replace('{', `{"claimedAt":${Date.now() + 60_000},`));
    expect((await shop.visit.get('/').set('Cookie', before)).status).toBe(503);
    await redis.set(key, json.replace('{', '{"claimedAt":1000,'), 'EX', 600);
    const response = await shop.visit.get('/').set('Cookie', before);
    expect(response.body).toStrictEqual({ userId: 'ann', data: {} });
    // The one who died had come far, and the session has ended since: the second claim does not begin again.
    await shop.visit.post('/log-out').set('Cookie', sessionCookie(response));
    await redis.set(key, json.replace('{', '{"claimedAt":1000,'), 'EX', 600);
    expect((await shop.visit.get('/').set('Cookie', before)).body).toStrictEqual({ userId: null, data: {} });
  });

  it.each([
    ['migrateFrom.prefix', { prefix: 'a b' }],
    ['migrateFrom.cookieName', { cookieName: 'a=b' }],
    ['migrateFrom.secrets', { secrets: [] }],
    ['migrateFrom.secrets', { secrets: secret }],
    ['migrateFrom.userIdOf', { userIdOf: 'userId' }],
    ['migrateFrom.from', { from: 'sess:' }],
    ['migrateFrom', 'sess:'],
  ])('refuses %s in %j', async (option, migrateFrom) => {
    await expect(openShop({ migrateFrom: migrateFrom as object })).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTION',
      option,
    });
  });
});
