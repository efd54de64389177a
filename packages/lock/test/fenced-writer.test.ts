import { describe, expect, it } from '@jest/globals';
import { connect, dedicatedCluster, dedicatedRedis, uniquePrefix } from '@sallyport/testkit';
import { createFencedWriter, createLock } from '@sallyport/lock';

const redis = connect();
const prefix = uniquePrefix('fenced');
const writer = createFencedWriter({ redis, prefix, deadlineMs: 2_000 });
const cluster = await dedicatedCluster();
let count = 0;
const freshKey = () => `${prefix}key-${(count += 1)}`;

describe('createFencedWriter()', () => {
  it('writes with a token that is not older, and refuses an older one', async () => {
    const key = freshKey();
    expect(await writer.run(10, 'set', key, 'first', 'EX', 60)).toStrictEqual({ accepted: true, reply: 'OK' });
    expect(await writer.run(12, 'set', key, 'second', 'EX', 60)).toMatchObject({ accepted: true });
    expect(await writer.run(12, 'set', key, 'again', 'EX', 60)).toMatchObject({ accepted: true });
    expect(await writer.run(11, 'set', key, 'late', 'EX', 60)).toStrictEqual({ accepted: false, newerToken: 12 });
    expect(await redis.get(key)).toBe('again');
  });

  it('does so for hashes, sets, sorted sets and removal', async () => {
    const key = freshKey();
    expect(await writer.run(5, 'hset', key, 'a', 1, 'get', 2)).toStrictEqual({ accepted: true, reply: 2 });
    expect(await writer.run(4, 'hdel', key, 'a')).toStrictEqual({ accepted: false, newerToken: 5 });
    expect(await redis.hgetall(key)).toStrictEqual({ a: '1', get: '2' });
    expect(await writer.run(6, 'del', key)).toStrictEqual({ accepted: true, reply: 1 });
    expect(await writer.run(5, 'sadd', key, 'x')).toMatchObject({ accepted: false });
    expect(await writer.run(7, 'zadd', key, 1, 'x')).toMatchObject({ accepted: true });
    await redis.del(key);
  });

  it('keeps older holders out as soon as a later one has read', async () => {
    const key = freshKey();
    await writer.run(3, 'set', key, '1', 'EX', 60);
    expect(await writer.run(4, 'get', key)).toStrictEqual({ accepted: true, reply: '1' });
    expect(await writer.run(3, 'set', key, '2', 'EX', 60)).toStrictEqual({ accepted: false, newerToken: 4 });
    expect(await writer.run(4, 'hget', freshKey(), 'a')).toStrictEqual({ accepted: true, reply: null });
  });

  it('remembers the last writer for a day, and each key has its own', async () => {
    const key = freshKey();
    await writer.run(10, 'set', key, 'value', 'EX', 60);
    expect(await redis.pttl(`${prefix}{${key}}:writer:${key}`)).toBeGreaterThan(86_000_000);
    expect(await writer.run(1, 'set', freshKey(), 'value', 'EX', 60)).toMatchObject({ accepted: true });
  });

  it('does not count what Redis refuses as a write', async () => {
    const key = freshKey();
    await writer.run(1, 'set', key, 'text', 'EX', 60);
    await expect(writer.run(9, 'hset', key, 'a', 1)).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    expect(await writer.run(2, 'set', key, 'more', 'EX', 60)).toMatchObject({ accepted: true });
  });

  it('refuses what may not run twice, and what it does not know', async () => {
    const key = freshKey();
    const option = (name: string) => expect.objectContaining({ code: 'ERR_LOCK_OPTION', option: name });
    await expect(writer.run(0, 'set', key, 'x')).rejects.toEqual(option('token'));
    await expect(writer.run(1, 'incr' as never, key)).rejects.toEqual(option('command'));
    await expect(writer.run(1, 'set', key, 'x', 'NX')).rejects.toEqual(option('args'));
    await expect(writer.run(1, 'zadd', key, 'INCR', 1, 'x')).rejects.toEqual(option('args'));
    await expect(writer.run(1, 'set', '', 'x')).rejects.toEqual(option('key'));
    for (const bad of ['a}b', '{}x']) await expect(writer.run(1, 'set', bad, 'x')).rejects.toEqual(option('key'));
    expect(() => createFencedWriter({ redis, ttl: 1 } as never)).toThrow('ttl');
    expect(await redis.exists(key)).toBe(0);
  });

  it('keeps the key and its writer in one slot of a Cluster', async () => {
    const client = cluster.client();
    const onCluster = createFencedWriter({ redis: client, deadlineMs: 5_000 });
    for (const key of ['stock:7', '{shop}:stock', 'a{b}c', 'ü']) {
      expect(await onCluster.run(3, 'set', key, 'x', 'EX', 60)).toMatchObject({ accepted: true });
      expect(await onCluster.run(2, 'set', key, 'y', 'EX', 60)).toStrictEqual({ accepted: false, newerToken: 3 });
    }
  }, 40_000);

  it('does so for a client with a keyPrefix', async () => {
    const client = cluster.client({ redisOptions: { keyPrefix: 'app:' } });
    const onCluster = createFencedWriter({ redis: client, deadlineMs: 5_000 });
    for (const key of ['stock:7', '{shop}:stock']) {
      expect(await onCluster.run(3, 'set', key, 'x', 'EX', 60)).toMatchObject({ accepted: true });
      expect(await client.get(key)).toBe('x');
    }
  }, 40_000);

  it('throws LockUnavailableError when Redis is away', async () => {
    const server = await dedicatedRedis();
    const away = createFencedWriter({ redis: server.client() });
    const lock = createLock({ redis: server.client(), deadlineMs: 2_000 });
    const { token } = await lock.acquire('a', { leaseMs: 5_000 });
    await away.run(token, 'set', 'a', '1');
    await server.kill();
    await expect(away.run(token, 'set', 'a', '2')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
  });
});
