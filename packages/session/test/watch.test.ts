import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  dedicatedCluster,
  dedicatedRedis,
  startProxy,
  uniquePrefix,
  until,
  within,
  type DedicatedCluster,
  type DedicatedRedis,
} from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { idOf, openShop, sessionCookie, type ShopOptions } from './shop.js';

/** Long enough that a test which passes was told, and did not find out by asking. */
const RARELY = 3_600_000;

describe('watch()', () => {
  let server: DedicatedRedis;
  beforeAll(async () => {
    server = await dedicatedRedis();
  });

  /** Two processes' worth of shops, and a session that the first one watches. */
  async function openWatched(options: ShopOptions = {}) {
    const prefix = uniquePrefix('session');
    const here = await openShop({ prefix, watchEveryMs: RARELY, redis: server.client(), ...options });
    const there = await openShop({ prefix, redis: server.client() });
    const cookie = sessionCookie(await here.visit.post('/log-in/ann'));
    const watch = here.sessions.watch(idOf(cookie));
    const ended = new Promise<unknown>((resolve) => {
      watch.signal.addEventListener('abort', () => resolve(watch.signal.reason));
    });
    // The first question is on its way, and the subscription stands.
    await until(async () => (await server.client().pubsub('NUMSUB', `${prefix}ended`))[1] === 1);
    return { prefix, here, there, cookie, watch, ended };
  }

  it.each(['log-out', 'revoke', 'revokeOthers', 'revokeAll', 'revokeEveryone', 'log-in', 'eviction'])(
    'tells of the end by %s in another process at once',
    async (how) => {
      const { there, cookie, watch, ended } = await openWatched();
      const other = sessionCookie(await there.visit.post('/log-in/ann'));
      expect(watch.signal.aborted).toBe(false);
      if (how === 'log-out') await there.visit.post('/log-out').set('Cookie', cookie);
      if (how === 'revoke') {
        const devices = await there.sessions.list('ann');
        await Promise.all(devices.map(({ deviceId }) => there.sessions.revoke('ann', deviceId)));
      }
      if (how === 'revokeOthers') await there.visit.post('/revoke-others').set('Cookie', other);
      if (how === 'revokeAll') await there.sessions.revokeAll('ann');
      if (how === 'revokeEveryone') await there.sessions.revokeEveryone();
      if (how === 'log-in') await there.visit.post('/log-in/ann').set('Cookie', cookie);
      if (how === 'eviction') {
        const strict = await openShop({ prefix: there.prefix, redis: there.redis, maxDeviceCount: 1 });
        await strict.visit.post('/log-in/ann');
      }
      await within(5_000, ended);
      expect(await ended).toMatchObject({ code: 'ERR_SESSION_GONE' });
    },
  );

  it('tells of the end of an idle limit, which nobody announces, when it is over', async () => {
    const { prefix, here, cookie } = await openWatched();
    await here.redis.pexpire(
      `${prefix}{${idOf(cookie).slice(0, 2)}}:${(await here.sessions.list('ann'))[0]?.deviceId}`,
      50,
    );
    const watch = here.sessions.watch(idOf(cookie));
    await until(() => watch.signal.aborted, { timeoutMs: 5_000 });
  });

  it('does not extend the session', async () => {
    const { here, prefix, cookie } = await openWatched({ watchEveryMs: 100 });
    const [device] = await here.sessions.list('ann');
    const key = `${prefix}{${idOf(cookie).slice(0, 2)}}:${device?.deviceId}`;
    await here.redis.pexpire(key, 2_000);
    await until(async () => (await here.redis.pttl(key)) < 1_500, { timeoutMs: 5_000 });
  });

  it('tells at once of a session that had ended before', async () => {
    const { here, cookie } = await openWatched();
    await here.sessions.revokeAll('ann');
    const late = here.sessions.watch(idOf(cookie));
    await until(() => late.signal.aborted);
  });

  it('tells of what it missed while its connection was broken, as soon as it is back', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ db: 0, retryStrategy: () => 20 });
    const { there, ended } = await openWatched({ redis });
    await proxy.refuse();
    await there.sessions.revokeAll('ann');
    await proxy.heal();
    await within(10_000, ended);
  });

  it('finds the end by asking where pub/sub is forbidden', async () => {
    await server.client().acl('SETUSER', 'quiet', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const redis = server.client({ username: 'quiet', password: 'secret' });
    const shop = await openShop({ redis, watchEveryMs: 100 });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const { signal } = shop.sessions.watch(idOf(cookie));
    // Publishing is refused, too: that keeps nobody from ending a session.
    expect((await shop.visit.post('/log-out').set('Cookie', cookie)).status).toBe(200);
    await until(() => signal.aborted, { timeoutMs: 5_000 });
  });

  it('closes its connection with the last watch, and stops asking', async () => {
    const { prefix, watch, here, cookie } = await openWatched();
    const second = here.sessions.watch(idOf(cookie));
    watch.close();
    expect((await server.client().pubsub('NUMSUB', `${prefix}ended`))[1]).toBe(1);
    second.close();
    await until(async () => (await server.client().pubsub('NUMSUB', `${prefix}ended`))[1] === 0);
    await here.sessions.revokeAll('ann');
    expect([watch.signal.aborted, second.signal.aborted]).toStrictEqual([false, false]);
  });

  it('stays as it is while Redis is away: that is no end', async () => {
    const own = await dedicatedRedis();
    const redis = own.client({ retryStrategy: () => 20 });
    const shop = await openShop({ redis, watchEveryMs: 100, deadlineMs: 100 });
    const cookie = sessionCookie(await shop.visit.post('/log-in/ann'));
    const { signal } = shop.sessions.watch(idOf(cookie));
    own.pause();
    await until(() => shop.events.some((event) => event.type === 'store-failure' && event.operation === 'watch'), {
      timeoutMs: 10_000,
    });
    expect(signal.aborted).toBe(false);
    own.resume();
    await until(async () => (await shop.sessions.revokeAll('ann')) === 1, { timeoutMs: 10_000 });
    await until(() => signal.aborted, { timeoutMs: 10_000 });
  });

  it('refuses what is no session id (ERR_SESSION_MISSING)', async () => {
    const { here } = await openWatched();
    for (const bad of ['', 'x', undefined]) {
      expect(() => here.sessions.watch(bad as string)).toThrow(
        expect.objectContaining({ code: 'ERR_SESSION_MISSING' }),
      );
    }
  });
});

describe('watch() in a Redis Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  }, 60_000);

  it('hears of ends on every node', async () => {
    const prefix = uniquePrefix('session');
    const client = cluster.client();
    const redis = client as unknown as Redis;
    const shop = await openShop({ prefix, redis, watchEveryMs: RARELY });
    const users = Array.from({ length: 9 }, (_, index) => `user-${index}`);
    const watches = await Promise.all(
      users.map(async (user) => shop.sessions.watch(idOf(sessionCookie(await shop.visit.post(`/log-in/${user}`))))),
    );
    const channel = `${prefix}ended`;
    await until(async () => {
      const counts = await Promise.all(client.nodes('master').map((node) => node.pubsub('NUMSUB', channel)));
      return counts.some(([, count]) => count === 1);
    });
    for (const user of users) await shop.sessions.revokeAll(user);
    await until(() => watches.every(({ signal }) => signal.aborted), { timeoutMs: 5_000 });
  }, 60_000);
});
