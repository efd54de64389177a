import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  connect,
  countCommands,
  dedicatedCluster,
  keysUnder,
  uniquePrefix,
  type DedicatedCluster,
} from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { cookiesOf, openShop, sessionCookie } from './shop.js';

type Shop = Awaited<ReturnType<typeof openShop>>;

async function userOf(shop: Shop, cookie: string): Promise<string | null> {
  const { body } = await shop.visit.get('/').set('Cookie', cookie);
  return (body as { userId: string | null }).userId;
}

/** Logs `user` in and tells the session's key. */
async function logIn(shop: Shop, user: string) {
  const before = new Set(await keysUnder(shop.redis, `${shop.prefix}*`));
  const cookie = sessionCookie(await shop.visit.post(`/log-in/${user}`));
  const after = await keysUnder(shop.redis, `${shop.prefix}*`);
  const key = after.find((name) => !before.has(name) && !name.includes(':user:')) ?? '';
  return { cookie, key };
}

describe('maxDeviceCount', () => {
  it('lets in one more and ends the one that began first, with evict-oldest', async () => {
    const shop = await openShop({ maxDeviceCount: 2 });
    const [first, second] = [await logIn(shop, 'ann'), await logIn(shop, 'ann')];
    // In use lately, but the oldest.
    await shop.redis.hset(first.key, 'c', Date.now() - 1_000, 's', Date.now());
    const third = await logIn(shop, 'ann');
    const users = await Promise.all([first, second, third].map(({ cookie }) => userOf(shop, cookie)));
    expect(users).toStrictEqual([null, 'ann', 'ann']);
    expect(shop.events.filter(({ type }) => type === 'evicted')).toStrictEqual([
      { type: 'evicted', userId: 'ann', deviceId: first.key.slice(-22) },
    ]);
  });

  it('ends the one that was used least lately, with evict-idlest', async () => {
    const shop = await openShop({ maxDeviceCount: 2, onDeviceLimit: 'evict-idlest' });
    const [first, second] = [await logIn(shop, 'ann'), await logIn(shop, 'ann')];
    await shop.redis.hset(second.key, 's', Date.now() - 60_000);
    const third = await logIn(shop, 'ann');
    const users = await Promise.all([first, second, third].map(({ cookie }) => userOf(shop, cookie)));
    expect(users).toStrictEqual(['ann', null, 'ann']);
  });

  it('refuses the log-in with ERR_SESSION_DEVICE_LIMIT, with refuse, and leaves the visitor as they were', async () => {
    const shop = await openShop({ maxDeviceCount: 1, onDeviceLimit: 'refuse' });
    const first = await logIn(shop, 'ann');
    const visitor = sessionCookie(await shop.visit.post('/set/cart/apples'));
    const refused = await shop.visit.post('/log-in/ann').set('Cookie', visitor);
    expect([refused.status, refused.body.code]).toStrictEqual([403, 'ERR_SESSION_DEVICE_LIMIT']);
    expect(cookiesOf(refused)).toStrictEqual([]);
    const { body } = await shop.visit.get('/').set('Cookie', visitor);
    expect(body).toStrictEqual({ userId: null, data: { cart: 'apples' } });
    expect(await userOf(shop, first.cookie)).toBe('ann');
  });

  it('counts neither sessions that are over nor the one that the log-in replaces', async () => {
    const shop = await openShop({ maxDeviceCount: 2, onDeviceLimit: 'refuse' });
    const [first, second] = [await logIn(shop, 'ann'), await logIn(shop, 'ann')];
    expect((await shop.visit.post('/log-in/ann').set('Cookie', first.cookie)).status).toBe(200);
    expect((await shop.visit.post('/log-in/ann')).status).toBe(403);
    // Idle for too long: nobody told the index.
    await shop.redis.unlink(second.key);
    const third = await logIn(shop, 'ann');
    expect(await userOf(shop, third.cookie)).toBe('ann');
    // Past its absolute end, and nobody has come to find it so.
    await shop.redis.hset(third.key, 'e', Date.now() - 1);
    expect((await shop.visit.post('/log-in/ann')).status).toBe(200);
    expect(await shop.sessions.list('ann')).toHaveLength(2);
  });

  it('does not count the sessions of others, whose keys may lie in the same slot', async () => {
    const shop = await openShop({ maxDeviceCount: 1 });
    const [ann, bob] = [await logIn(shop, 'ann'), await logIn(shop, 'bob')];
    expect([await userOf(shop, ann.cookie), await userOf(shop, bob.cookie)]).toStrictEqual(['ann', 'bob']);
  });

  it('costs no further command: reading and a log-in that evicts are 2', async () => {
    const shop = await openShop({ maxDeviceCount: 1 });
    await logIn(shop, 'ann');
    const visitor = sessionCookie(await shop.visit.post('/set/a/b'));
    const { total } = await countCommands(shop.redis, async () =>
      shop.visit.post('/log-in/ann').set('Cookie', visitor),
    );
    expect(total).toBe(2);
    expect(await shop.sessions.list('ann')).toHaveLength(1);
  });
});

describe.each(['one node', 'a Cluster of three nodes'] as const)(
  '200 concurrent log-ins at a limit of 5 on %s',
  (where) => {
    let cluster: DedicatedCluster | undefined;
    beforeAll(async () => {
      if (where !== 'one node') cluster = await dedicatedCluster();
    }, 60_000);
    const client = () => (cluster === undefined ? connect() : (cluster.client() as unknown as Redis));

    it.each(['evict-oldest', 'evict-idlest', 'refuse'] as const)(
      'leave exactly 5 sessions, with %s',
      async (onDeviceLimit) => {
        const prefix = uniquePrefix('session');
        const options = { prefix, maxDeviceCount: 5, onDeviceLimit, deadlineMs: 30_000 };
        const shops = [
          await openShop({ ...options, redis: client() }),
          await openShop({ ...options, redis: client() }),
        ];
        const answers = await Promise.all(
          Array.from({ length: 200 }, async (_, index) =>
            fetch(`${shops[index % 2]?.url}/log-in/ann`, { method: 'POST' }),
          ),
        );
        const [shop] = shops;
        if (shop === undefined) throw new Error('There is no shop');
        expect(await shop.sessions.list('ann')).toHaveLength(5);
        const cookies = answers.map((answer) => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '').filter(Boolean);
        const users = await Promise.all(cookies.map((cookie) => userOf(shop, cookie)));
        expect(users.filter((user) => user === 'ann')).toHaveLength(5);
        const refused = answers.filter(({ status }) => status === 403).length;
        expect(refused).toBe(onDeviceLimit === 'refuse' ? 195 : 0);
      },
      90_000,
    );

    it('and revokeEveryone() ends all sessions of all users at once, and none that begins afterwards', async () => {
      const prefix = uniquePrefix('session');
      const here = await openShop({ prefix, redis: client(), deadlineMs: 30_000 });
      const there = await openShop({ prefix, redis: client(), deadlineMs: 30_000 });
      const users = Array.from({ length: 12 }, (_, index) => `user-${index}`);
      const cookies = await Promise.all(
        users.map(async (user) => sessionCookie(await here.visit.post(`/log-in/${user}`))),
      );
      const anonymous = sessionCookie(await here.visit.post('/set/cart/apples'));
      await here.sessions.revokeEveryone();
      for (const cookie of cookies) expect(await userOf(there, cookie)).toBeNull();
      const { body } = await there.visit.get('/').set('Cookie', anonymous);
      expect(body.data).toStrictEqual({});
      for (const user of users) expect(await there.sessions.list(user)).toStrictEqual([]);
      for (const user of users.slice(0, 3)) {
        expect(await userOf(here, sessionCookie(await there.visit.post(`/log-in/${user}`)))).toBe(user);
      }
      expect(here.events).toContainEqual({ type: 'everyone-revoked' });
      expect(there.events.filter(({ type }) => type === 'outdated')).toHaveLength(13);
    }, 90_000);
  },
);

describe("a client's keyPrefix", () => {
  it('is on every key that the scripts find by themselves', async () => {
    const keyPrefix = `${uniquePrefix('app')}{x}:`;
    const redis = connect({ keyPrefix });
    const shop = await openShop({ redis, maxDeviceCount: 2 });
    for (let logIns = 0; logIns < 3; logIns += 1) await shop.visit.post('/log-in/ann');
    expect(await shop.sessions.list('ann')).toHaveLength(2);
    const plain = connect();
    const keys = await plain.keys('*');
    expect(keys.filter((key) => key.includes(shop.prefix) && !key.startsWith(keyPrefix))).toStrictEqual([]);
    expect(keys.filter((key) => key.startsWith(keyPrefix))).toHaveLength(3);
    expect(await shop.sessions.revokeAll('ann')).toBe(2);
    await shop.sessions.revokeEveryone();
    expect(await shop.sessions.clear()).toBe(1);
  });
});

describe('revokeEveryone()', () => {
  it('costs 1 command, however many sessions there are', async () => {
    const shop = await openShop();
    for (let logIns = 0; logIns < 20; logIns += 1) await logIn(shop, `user-${logIns}`);
    await shop.sessions.revokeEveryone();
    const { total } = await countCommands(shop.redis, () => shop.sessions.revokeEveryone());
    expect(total).toBe(1);
  });

  it('holds for writers under way, which get 409', async () => {
    const shop = await openShop({
      routes: (app, sessions) =>
        app.post('/slow', async (req, res) => {
          await sessions.revokeEveryone();
          sessions.of(req).theme = 'late';
          res.end();
        }),
    });
    const { cookie, key } = await logIn(shop, 'ann');
    expect((await shop.visit.post('/slow').set('Cookie', cookie)).status).toBe(409);
    expect(await shop.redis.exists(key)).toBe(0);
  });

  it('also holds for log-ins of a server whose clock was put back since: they begin after it', async () => {
    const shop = await openShop();
    await shop.sessions.revokeEveryone();
    const epoch = (await keysUnder(shop.redis, `${shop.prefix}*`))[0] ?? '';
    await shop.redis.set(epoch, Date.now() + 60_000, 'PX', 100_000);
    const { cookie } = await logIn(shop, 'ann');
    expect(await userOf(shop, cookie)).toBe('ann');
    await shop.sessions.revokeEveryone();
    expect(await userOf(shop, cookie)).toBeNull();
  });
});

describe('revokeAll() and revokeOthers()', () => {
  it('cost 1 command each, and list() too', async () => {
    const shop = await openShop();
    for (let logIns = 0; logIns < 5; logIns += 1) await logIn(shop, 'ann');
    const count = async (act: () => Promise<unknown>) => (await countCommands(shop.redis, act)).total;
    await shop.sessions.list('ann');
    await shop.sessions.revokeAll('nobody');
    expect(await count(() => shop.sessions.list('ann'))).toBe(1);
    expect(await count(() => shop.sessions.revokeAll('ann'))).toBe(1);
  });

  it('cannot be outrun: a session that was revoked cannot log itself in anew (ERR_SESSION_GONE)', async () => {
    const shop = await openShop({
      routes: (app, sessions) =>
        app.post('/outrun', (req, res, next) => {
          const act = async () => {
            await sessions.revokeAll('ann');
            await sessions.logIn(req, 'ann');
          };
          act().then(() => res.end(), next);
        }),
    });
    const { cookie } = await logIn(shop, 'ann');
    const { status, body } = await shop.visit.post('/outrun').set('Cookie', cookie);
    expect([status, body.code]).toStrictEqual([409, 'ERR_SESSION_GONE']);
    expect(await shop.sessions.list('ann')).toStrictEqual([]);
  });
});
