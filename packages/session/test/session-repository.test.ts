import { describe, expect, it } from '@jest/globals';
import { expectTtlOnAllKeys, keysUnder, until } from '@sallyport/testkit';
import { idOf, openShop, sessionCookie } from './shop.js';

/** A shop with one logged-in session, and its key. */
async function openWithSession(options: Parameters<typeof openShop>[0] = {}) {
  const shop = await openShop(options);
  const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
  await shop.visit.post('/set/theme/dark').set('Cookie', cookie);
  const keys = await keysUnder(shop.redis, `${shop.prefix}*`);
  const key = keys.find((name) => !name.includes(':user:')) ?? '';
  const visit = async () => (await shop.visit.get('/').set('Cookie', cookie)).body as { userId: string | null };
  return { ...shop, cookie, key, keys, look: visit };
}

describe('what Redis holds', () => {
  it('contains no session id, neither in a key nor in a value, and no event does', async () => {
    const { redis, keys, cookie, events } = await openWithSession();
    const secretPart = idOf(cookie).slice(2);
    expect(secretPart).toHaveLength(32);
    for (const key of keys) {
      const dump = (await redis.dumpBuffer(key))?.toString('latin1') ?? '';
      expect(key + dump).not.toContain(secretPart.slice(0, 12));
    }
    expect(JSON.stringify(events)).not.toContain(secretPart.slice(0, 12));
  });

  it('takes at most 215 bytes for a session that holds one user id', async () => {
    const shop = await openShop({ prefix: 'session:' });
    await shop.visit.post('/log-in/u1234567').set('User-Agent', 'Mozilla/5.0 (Macintosh) Chrome/130.0');
    const [key = ''] = await keysUnder(shop.redis, 'session:{*}:??????????????????????');
    const bytes = await shop.redis.memory('USAGE', key);
    await shop.sessions.clear();
    expect(bytes).toBeLessThanOrEqual(215);
  });

  it('expires, every key of it', async () => {
    const { redis, prefix } = await openWithSession();
    await expectTtlOnAllKeys(redis, prefix);
  });

  it('cannot be confused by properties that are named like fields of the record', async () => {
    const { visit, cookie, look } = await openWithSession();
    for (const name of ['u', 'e', 'c', 's', '.u', 'a']) await visit.post(`/set/${name}/9`).set('Cookie', cookie);
    expect(await look()).toStrictEqual({
      userId: 'ann',
      data: { theme: 'dark', u: '9', e: '9', c: '9', s: '9', '.u': '9', a: '9' },
    });
  });
});

describe('the idle limit', () => {
  it('is extended by a read once the touch window is over, and not before', async () => {
    const { redis, key, look } = await openWithSession({ idleMs: 100_000 });
    await redis.pexpire(key, 95_000);
    await look();
    expect(await redis.pttl(key)).toBeLessThanOrEqual(95_000);
    await redis.pexpire(key, 80_000);
    await look();
    expect(await redis.pttl(key)).toBeGreaterThan(95_000);
  });

  it('ends the session', async () => {
    const { redis, key, look } = await openWithSession();
    await redis.pexpire(key, 1);
    await until(async () => (await redis.pttl(key)) === -2);
    expect((await look()).userId).toBeNull();
  });

  it('is put right when somebody took it off or made it longer', async () => {
    const { redis, key, look } = await openWithSession({ idleMs: 100_000 });
    await redis.persist(key);
    await look();
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    await redis.pexpire(key, 9_000_000);
    await look();
    expect(await redis.pttl(key)).toBeLessThanOrEqual(100_000);
  });
});

describe('the absolute limit', () => {
  it('ends the session on the server, whatever its TTL says', async () => {
    const { redis, key, look, events, sessions } = await openWithSession();
    await redis.hset(key, 'e', Date.now() - 1);
    expect(await sessions.list('ann')).toStrictEqual([]);
    expect((await look()).userId).toBeNull();
    expect(await redis.exists(key)).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: 'expired' });
  });

  it('cannot be moved by requests: the TTL never reaches beyond it', async () => {
    const { redis, key, look, visit, cookie } = await openWithSession({ idleMs: 100_000 });
    await redis.hset(key, 'e', Date.now() + 30_000);
    await look();
    expect(await redis.pttl(key)).toBeLessThanOrEqual(30_000);
    await visit.post('/set/theme/light').set('Cookie', cookie);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(30_000);
  });

  it('holds at once when a deployment makes it shorter', async () => {
    const { redis, key, prefix, cookie } = await openWithSession();
    await redis.hset(key, 'c', Date.now() - 10_000);
    const stricter = await openShop({ prefix, idleMs: 5_000, absoluteMs: 5_000 });
    expect((await stricter.visit.get('/').set('Cookie', cookie)).body.userId).toBeNull();
  });

  it('refuses a commit that comes after it', async () => {
    const { redis, key, visit, cookie } = await openWithSession({
      routes: (app, sessions) =>
        app.post('/outlive', async (req, res) => {
          await redis.hset(key, 'e', 1);
          sessions.of(req).theme = 'late';
          res.end();
        }),
    });
    expect((await visit.post('/outlive').set('Cookie', cookie)).status).toBe(409);
    expect(await redis.exists(key)).toBe(0);
  });
});

describe('bad data', () => {
  it.each<[string, (redis: Awaited<ReturnType<typeof openWithSession>>['redis'], key: string) => Promise<unknown>]>([
    ['a property that is not JSON', (redis, key) => redis.hset(key, '.theme', '{oops')],
    ['a key of another type', async (redis, key) => (await redis.unlink(key), redis.set(key, 'x', 'EX', 60))],
    ['a hash of somebody else', async (redis, key) => (await redis.unlink(key), redis.hset(key, 'x', '1'))],
    ['a record without times', (redis, key) => redis.hdel(key, 'c')],
    ['times that are no numbers', (redis, key) => redis.hset(key, 'e', 'never')],
  ])('is removed and the request is anonymous: %s', async (_what, spoil) => {
    const { redis, key, look, events, visit, cookie, sessions } = await openWithSession();
    await spoil(redis, key);
    expect(await look()).toStrictEqual({ userId: null, data: {} });
    expect(events.at(-1)).toMatchObject({ type: 'corrupt' });
    expect(await redis.exists(key)).toBe(0);
    expect(await sessions.list('ann')).toStrictEqual([]);
    expect((await visit.post('/set/theme/dark').set('Cookie', cookie)).status).toBe(200);
  });

  it('does not keep a user from listing, revoking and logging in', async () => {
    const { redis, key, keys, sessions, visit } = await openWithSession();
    await visit.post('/log-in/ann');
    await redis.set(key, 'x', 'EX', 60);
    expect(await sessions.list('ann')).toHaveLength(1);
    expect(await sessions.revokeAll('ann')).toBe(1);
    const index = keys.find((name) => name.includes(':user:')) ?? '';
    await redis.set(index, 'x', 'EX', 60);
    expect((await visit.post('/log-in/ann')).status).toBe(200);
    expect(await sessions.list('ann')).toHaveLength(1);
  });

  it.each(['__proto__', 'constructor', 'toString'])('does not reach a prototype by a stored %s', async (name) => {
    const { redis, key, look } = await openWithSession();
    await redis.hset(key, `.${name}`, '{"isAdmin":true}');
    expect(await look()).toStrictEqual({ userId: 'ann', data: { theme: 'dark' } });
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
  });
});
