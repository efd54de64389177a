import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { acquireArguments, acquireScript } from '../../src/scripts/acquire.js';
import { UNLIMITED } from '../../src/scripts/queue.js';
import { releaseScript } from '../../src/scripts/release.js';
import { me, other, resourceKeys, you } from './owners.js';

const redis = connect();
const keys = () => resourceKeys(uniquePrefix('acquire'));

function acquire(all: string[], owner: string, leaseMs = 5_000, isWaiting = false) {
  return acquireScript.run(redis, all, acquireArguments({ owner, leaseMs, isWaiting, channelPrefix: 'calls:' }));
}

describe('acquireScript', () => {
  it('grants a free lock for leaseMs', async () => {
    const all = keys();
    const [holders, fence] = all;
    expect(await acquire(all, me)).toMatchObject({ isGranted: true });
    expect(await redis.zrange(holders, '0', '-1')).toStrictEqual([me]);
    const ttl = await redis.pttl(holders);
    expect(ttl).toBeGreaterThan(3_000);
    expect(ttl).toBeLessThanOrEqual(5_000);
    expect(await redis.pttl(fence)).toBeGreaterThan(80_000_000);
  });

  it('gives the same owner the whole lease again, with a token that is not smaller', async () => {
    const all = keys();
    const first = await acquire(all, me, 1_000);
    const again = await acquire(all, me, 60_000);
    expect(again).toMatchObject({ isGranted: true });
    expect('token' in first && 'token' in again && again.token > first.token).toBe(true);
    expect(await redis.zcard(all[0])).toBe(1);
    expect(await redis.pttl(all[0])).toBeGreaterThan(50_000);
  });

  it('tells another owner how long the lease lasts, and changes nothing', async () => {
    const all = keys();
    await acquire(all, me);
    const before = [await redis.zrange(all[0], '0', '-1', 'WITHSCORES'), await redis.hgetall(all[1])];
    expect(await acquire(all, you, 60_000)).toStrictEqual({
      isGranted: false,
      holderRemainingMs: expect.any(Number),
      called: [],
    });
    expect([await redis.zrange(all[0], '0', '-1', 'WITHSCORES'), await redis.hgetall(all[1])]).toStrictEqual(before);
    expect(await redis.exists(all[2])).toBe(0);
  });

  it('gives who waits a place, and the same one when it runs again', async () => {
    const all = keys();
    await acquire(all, me);
    await acquire(all, you, 5_000, true);
    await acquire(all, other, 5_000, true);
    await acquire(all, you, 5_000, true);
    expect(await redis.zrange(all[2], '0', '-1')).toStrictEqual([you, other]);
    for (const key of all) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it('lets nobody pass those who wait, though the lock is free', async () => {
    const all = keys();
    await acquire(all, me);
    await acquire(all, you, 5_000, true);
    await redis.del(all[0]);
    expect(await acquire(all, other)).toMatchObject({ isGranted: false });
    expect(await redis.zrange(all[0], '0', '-1')).toStrictEqual([you]);
    expect(await acquire(all, you)).toMatchObject({ isGranted: true });
    expect(await redis.exists(all[2])).toBe(0);
  });

  it('tells who asks which waiters of its process are called, and nothing about others', async () => {
    const all = keys();
    const readers = ['a', 'b', 'c'].map((name) => `${UNLIMITED}:p1:${name}`) as [string, string, string];
    await acquire(all, other);
    for (const reader of readers) await acquire(all, reader, 5_000, true);
    await acquire(all, you, 5_000, true);
    await releaseScript.run(redis, all, [other, 'calls:']);
    expect(await acquire(all, me, 5_000, true)).toMatchObject({ isGranted: false, called: readers });
    expect(await acquire(all, you, 5_000, true)).toMatchObject({ isGranted: false, called: [] });
    expect(await acquire(all, readers[1])).toMatchObject({ isGranted: true, called: [readers[0], readers[2]] });
    expect(await acquire(all, readers[0])).toMatchObject({ isGranted: true, called: [readers[2]] });
    // One that has come has a lease like any other.
    expect(await acquire(all, me, 5_000, true)).toMatchObject({ isGranted: false, called: [readers[2]] });
  });

  it('grants as many leases as each of them tolerates', async () => {
    const all = keys();
    const named = (limit: number, name: string) => `${limit}:p:${name}`;
    expect(await acquire(all, named(2, 'a'))).toMatchObject({ isGranted: true });
    expect(await acquire(all, named(2, 'b'))).toMatchObject({ isGranted: true });
    expect(await acquire(all, named(2, 'c'))).toMatchObject({ isGranted: false });
    expect(await acquire(all, named(UNLIMITED, 'd'))).toMatchObject({ isGranted: true });
    expect(await acquire(all, named(1, 'e'))).toMatchObject({ isGranted: false });
  });
});
