import { beforeAll, describe, expect, it } from '@jest/globals';
import { createSessions } from '@sallyport/session';
import {
  connect,
  countCommands,
  dedicatedCluster,
  expectTtlOnAllKeys,
  keysUnder,
  startProcess,
  uniquePrefix,
  type DedicatedCluster,
} from '@sallyport/testkit';
import request from 'supertest';
import { bucketOfUser } from '../src/session-id.js';
import { idOf, openShop, secret, sessionCookie } from './shop.js';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1';

describe('list()', () => {
  it('shows label, network, times and which session asks, the newest first', async () => {
    const shop = await openShop();
    await shop.visit.post('/log-in/ann').set('User-Agent', firefox);
    const browser = shop.browser();
    await browser.post('/log-in/ann').set('User-Agent', safari);
    const { body } = await browser.get('/devices');
    expect(body).toStrictEqual([
      {
        deviceId: expect.stringMatching(/^[\w-]{22}$/),
        label: 'Safari on iPhone',
        ipPrefix: '127.0.0.0/24',
        createdAt: expect.any(String),
        lastSeenAt: expect.any(String),
        isCurrent: true,
      },
      expect.objectContaining({ label: 'Firefox on Linux', isCurrent: false }),
    ]);
    expect(Math.abs(Date.parse(body[0].createdAt) - Date.now())).toBeLessThan(60_000);
  });

  it('shows nothing that works as a session id', async () => {
    const shop = await openShop();
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const [device] = await shop.sessions.list('ann');
    expect(JSON.stringify(device)).not.toContain(idOf(cookie).slice(2, 12));
    const replaced = cookie.replace(idOf(cookie), device?.deviceId ?? '');
    expect((await shop.visit.get('/').set('Cookie', replaced)).body.userId).toBeNull();
  });

  it('leaves out ended sessions and takes them off the index', async () => {
    const shop = await openShop();
    for (let logIns = 0; logIns < 3; logIns += 1) await shop.visit.post('/log-in/ann');
    const [index = ''] = await keysUnder(shop.redis, `${shop.prefix}*:user:ann`);
    const [session = ''] = (await keysUnder(shop.redis, `${shop.prefix}*`)).filter((key) => key !== index);
    await shop.redis.unlink(session);
    expect(await shop.redis.zcard(index)).toBe(3);
    expect(await shop.sessions.list('ann')).toHaveLength(2);
    expect(await shop.redis.zcard(index)).toBe(2);
  });

  it('does not extend what it shows', async () => {
    const shop = await openShop();
    await shop.visit.post('/log-in/ann');
    const [session = ''] = await keysUnder(shop.redis, `${shop.prefix}{??}:??????????????????????`);
    await shop.redis.pexpire(session, 5_000);
    await shop.sessions.list('ann');
    expect(await shop.redis.pttl(session)).toBeLessThanOrEqual(5_000);
  });

  it('is empty for an unknown user, in one command', async () => {
    const shop = await openShop();
    const { total, result } = await countCommands(shop.redis, () => shop.sessions.list('nobody'));
    expect({ total, result }).toStrictEqual({ total: 1, result: [] });
  });
});

describe('revoke()', () => {
  it('ends one session from the next request on, and spares the others', async () => {
    const shop = await openShop();
    const one = sessionCookie(await shop.visit.post('/log-in/ann'));
    const [device] = await shop.sessions.list('ann');
    const other = sessionCookie(await shop.visit.post('/log-in/ann'));
    expect(await shop.sessions.revoke('ann', device?.deviceId ?? '')).toBe(true);
    expect(await shop.sessions.revoke('ann', device?.deviceId ?? '')).toBe(false);
    expect((await shop.visit.get('/').set('Cookie', one)).body.userId).toBeNull();
    expect((await shop.visit.get('/').set('Cookie', other)).body.userId).toBe('ann');
    expect(shop.events).toContainEqual({ type: 'revoked', userId: 'ann', deviceId: device?.deviceId });
  });

  it("cannot reach another user's session, not even of one whose keys share the slot", async () => {
    const shop = await openShop();
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const [device] = await shop.sessions.list('ann');
    const bucket = bucketOfUser('ann');
    const names = Array.from({ length: 100_000 }, (_, index) => `mallory-${index}`);
    const neighbour = names.find((name) => bucketOfUser(name) === bucket) ?? '';
    expect(neighbour).toMatch(/^mallory-/);
    for (const user of ['mallory', neighbour]) {
      expect(await shop.sessions.revoke(user, device?.deviceId ?? '')).toBe(false);
    }
    expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBe('ann');
    expect(await shop.sessions.list('ann')).toHaveLength(1);
  });

  it.each(['', '*', 'user:ann', '{x}:y', 'x'.repeat(22).concat('\n')])(
    'answers false to %j without a command',
    async (id) => {
      const shop = await openShop();
      const { total, result } = await countCommands(shop.redis, () => shop.sessions.revoke('ann', id));
      expect({ total, result }).toStrictEqual({ total: 0, result: false });
    },
  );

  it('holds in another process at its next request', async () => {
    const prefix = uniquePrefix('session');
    const here = await openShop({ prefix });
    const there = await startProcess<string>({ module: new URL('shop-process.ts', import.meta.url), args: { prefix } });
    const elsewhere = request(there.value);
    const cookie = sessionCookie(await elsewhere.post('/log-in/ann'));
    expect((await here.visit.get('/').set('Cookie', cookie)).body.userId).toBe('ann');
    const [device] = await here.sessions.list('ann');
    await here.sessions.revoke('ann', device?.deviceId ?? '');
    expect((await elsewhere.get('/').set('Cookie', cookie)).body.userId).toBeNull();
  });
});

describe('revokeOthers() and revokeAll()', () => {
  it('keeps the session that asks', async () => {
    const shop = await openShop();
    const others = [];
    for (let logIns = 0; logIns < 3; logIns += 1) others.push(sessionCookie(await shop.visit.post('/log-in/ann')));
    const browser = shop.browser();
    await browser.post('/log-in/ann');
    expect((await browser.post('/revoke-others')).body).toStrictEqual({ count: 3 });
    for (const cookie of others) expect((await shop.visit.get('/').set('Cookie', cookie)).body.userId).toBeNull();
    expect((await browser.get('/')).body.userId).toBe('ann');
  });

  it('answers ERR_SESSION_NOT_LOGGED_IN (401) to a request without a user', async () => {
    const shop = await openShop();
    const response = await shop.visit.post('/revoke-others');
    expect([response.status, response.body.code]).toStrictEqual([401, 'ERR_SESSION_NOT_LOGGED_IN']);
  });

  it('ends every session of a user and of nobody else', async () => {
    const shop = await openShop();
    for (const user of ['ann', 'ann', 'bob']) await shop.visit.post(`/log-in/${user}`);
    expect(await shop.sessions.revokeAll('ann')).toBe(2);
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
    expect(await shop.sessions.list('bob')).toHaveLength(1);
  });
});

describe('the index', () => {
  it('lists every one of 60 concurrent log-ins of two processes, and each key expires', async () => {
    const prefix = uniquePrefix('session');
    const here = await openShop({ prefix });
    const there = await startProcess<string>({ module: new URL('shop-process.ts', import.meta.url), args: { prefix } });
    const elsewhere = request(there.value);
    const logIn = async (index: number) =>
      sessionCookie(await (index % 2 ? here.visit : elsewhere).post('/log-in/ann'));
    const cookies = await Promise.all(Array.from({ length: 60 }, (_, index) => logIn(index)));
    expect(new Set(cookies).size).toBe(60);
    expect(await here.sessions.list('ann')).toHaveLength(60);
    await expectTtlOnAllKeys(connect(), prefix);
    expect(await here.sessions.revokeAll('ann')).toBe(60);
    expect(await keysUnder(connect(), `${prefix}*`)).toStrictEqual([]);
  });

  it('forgets at log-in what is past its absolute end', async () => {
    const shop = await openShop();
    await shop.visit.post('/log-in/ann');
    const [index = ''] = await keysUnder(shop.redis, `${shop.prefix}*:user:ann`);
    await shop.redis.zadd(index, 1, 'long-gone');
    await shop.visit.post('/log-in/ann');
    expect(await shop.redis.zrange(index, '0', '-1')).not.toContain('long-gone');
  });

  it('outlives every session in it', async () => {
    const shop = await openShop({ idleMs: 5_000, absoluteMs: 60_000 });
    await shop.visit.post('/log-in/ann');
    const [index = ''] = await keysUnder(shop.redis, `${shop.prefix}*:user:ann`);
    expect(await shop.redis.pttl(index)).toBeGreaterThan(50_000);
    // A deployment with a shorter limit must not let the index go before the older sessions.
    const shorter = await openShop({ prefix: shop.prefix, idleMs: 5_000, absoluteMs: 10_000 });
    await shorter.visit.post('/log-in/ann');
    expect(await shop.redis.pttl(index)).toBeGreaterThan(50_000);
  });
});

describe('in a Redis Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  }, 60_000);

  it('logs in, lists, revokes and clears across all nodes', async () => {
    const redis = cluster.client();
    const prefix = uniquePrefix('session');
    const sessions = createSessions({ redis, prefix, secrets: [secret], idleMs: 60_000, deadlineMs: 5_000 });
    const shop = await openShop({ redis: redis as never, prefix });
    const users = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    for (const user of users) {
      const anonymous = sessionCookie(await shop.visit.post('/set/theme/dark'));
      await shop.visit.post(`/log-in/${user}`).set('Cookie', anonymous);
      await shop.visit.post(`/log-in/${user}`);
      expect((await shop.visit.get('/').set('Cookie', anonymous)).body.data).toStrictEqual({});
    }
    for (const user of users) expect(await sessions.list(user)).toHaveLength(2);
    expect(await sessions.revokeAll('user-0')).toBe(2);
    expect(await sessions.list('user-0')).toStrictEqual([]);
    await expectTtlOnAllKeys(redis, prefix);
    expect(await sessions.clear()).toBe(11 * 3);
    expect(await sessions.list('user-1')).toStrictEqual([]);
  }, 60_000);
});
