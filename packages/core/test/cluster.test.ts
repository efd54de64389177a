import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until, within } from '@sallyport/testkit';
import { Cluster } from 'ioredis';
// The testkit has single servers only.
import { startCluster, startSentinel, type RedisCluster } from '@sallyport/redis-server';
import { buildKey, clearPrefix, createRedis, createStoreGuard, defineScript, masterClients } from '../src/index.js';

const increment = defineScript({
  name: 'increment',
  numberOfKeys: 2,
  lua: `redis.call('SET', KEYS[2], '1', 'EX', 60)
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 60)
return count`,
  parse: Number,
});

async function clusterClient(url: string, keyPrefix?: string): Promise<Cluster> {
  const redisOptions = keyPrefix === undefined ? {} : { keyPrefix };
  const redis = createRedis(url, { onError: () => undefined, redisOptions });
  if (!(redis instanceof Cluster)) throw new Error('not a Cluster');
  await until(() => redis.status === 'ready', { timeoutMs: 10_000 });
  return redis;
}

describe('on a Redis Cluster', () => {
  let servers: RedisCluster;
  let redis: Cluster;

  beforeAll(async () => {
    servers = await startCluster();
    redis = await clusterClient(servers.url);
  }, 60_000);

  afterAll(async () => {
    redis.disconnect();
    await servers.stop();
  });

  it('keeps all keys of one id in one slot, so that a script may touch them', async () => {
    for (const id of ['7', '', '{}', 'a}b{c', '~', '%', 'é', '\ud800', 'x'.repeat(500)]) {
      const keys = [buildKey('slots:', id), buildKey('slots:', id, 'part', '{other}')];
      await expect(increment.run(redis, keys)).resolves.toBe(1);
    }
  });

  it('clears a prefix on all masters, and spares the others', async () => {
    for (let id = 0; id < 300; id += 1) await redis.set(buildKey('clear:', String(id)), '1', 'EX', 60);
    await redis.set(buildKey('clear:not:', '1'), '1', 'EX', 60);
    expect(masterClients(redis)).toHaveLength(3);
    await expect(clearPrefix(redis, 'clear:')).resolves.toBe(300);
    await expect(redis.exists(buildKey('clear:not:', '1'))).resolves.toBe(1);
  });

  it('applies the keyPrefix of the client once', async () => {
    const prefixed = await clusterClient(servers.url, 'app:');
    const keys = [buildKey('prefix:', '1'), buildKey('prefix:', '1', 'x')];
    await expect(increment.run(prefixed, keys)).resolves.toBe(1);
    await expect(redis.get('app:prefix:{1}')).resolves.toBe('1');
    await expect(clearPrefix(prefixed, 'prefix:')).resolves.toBe(2);
    prefixed.disconnect();
  });

  it('fails a command whose node dies while it waits, and does not send it to the next one', async () => {
    const key = buildKey('died:', '1');
    await redis.set(key, '0', 'EX', 60);
    const slot = await redis.cluster('KEYSLOT', key);
    const ranges = await redis.cluster('SLOTS');
    const [, , [, port]] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? [0, 0, ['', 0]];
    const index = servers.nodes.findIndex((node) => node.port === port);
    const guard = createStoreGuard({ redis, packageName: 'core-test', deadlineMs: 5_000 });
    servers.pause(index);
    const call = guard.run(() => redis.incr(key));
    await servers.kill(index);
    await within(4_000, call);
    await expect(call).rejects.toMatchObject({ reason: 'disconnected' });
    await servers.restart(index);
    await servers.ready();
    await until(async () => (await redis.get(key)) === null, { timeoutMs: 10_000 });
  }, 60_000);
});

describe('behind sentinels', () => {
  it('follows the master after a failover', async () => {
    const servers = await startSentinel();
    const redis = createRedis(servers.url, { onError: () => undefined });
    try {
      await until(async () => (await redis.set('key', '1', 'EX', 60)) === 'OK', { timeoutMs: 10_000 });
      await servers.failover();
      await until(async () => (await redis.set('key', '2', 'EX', 60)) === 'OK', { timeoutMs: 10_000 });
    } finally {
      redis.disconnect();
      await servers.stop();
    }
  }, 60_000);
});
