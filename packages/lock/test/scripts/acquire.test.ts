import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { acquireArguments, acquireScript } from '../../src/scripts/acquire.js';

const redis = connect();

function keys(): [string, string] {
  const prefix = uniquePrefix('acquire');
  return [`${prefix}{a}`, `${prefix}{a}:fence`];
}

describe('acquireScript', () => {
  it('grants a free lock for leaseMs', async () => {
    const [lock, fence] = keys();
    expect(await acquireScript.run(redis, [lock, fence], acquireArguments('me', 5_000))).toMatchObject({
      isGranted: true,
    });
    expect(await redis.hget(lock, 'owner')).toBe('me');
    const ttl = await redis.pttl(lock);
    expect(ttl).toBeGreaterThan(3_000);
    expect(ttl).toBeLessThanOrEqual(5_000);
    expect(await redis.pttl(fence)).toBeGreaterThan(80_000_000);
  });

  it('gives the same owner the same token again, and the whole lease', async () => {
    const both = keys();
    const first = await acquireScript.run(redis, both, acquireArguments('me', 5_000));
    await redis.pexpire(both[0], 1_000);
    expect(await acquireScript.run(redis, both, acquireArguments('me', 5_000))).toStrictEqual(first);
    expect(await redis.pttl(both[0])).toBeGreaterThan(3_000);
  });

  it('tells another owner how long the lease lasts, and changes nothing', async () => {
    const [lock, fence] = keys();
    await acquireScript.run(redis, [lock, fence], acquireArguments('me', 5_000));
    const before = [await redis.hgetall(lock), await redis.hgetall(fence)];
    const reply = await acquireScript.run(redis, [lock, fence], acquireArguments('you', 60_000));
    expect(reply).toStrictEqual({ isGranted: false, holderRemainingMs: expect.any(Number) });
    expect([await redis.hgetall(lock), await redis.hgetall(fence)]).toStrictEqual(before);
  });
});
