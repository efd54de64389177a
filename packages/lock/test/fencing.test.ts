import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, until } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

const server = await dedicatedRedis();
const redis = server.client();
const leaseMs = 200;

describe('lease.token', () => {
  it('rises with each lease, across release, expiry, delete(), clear() and a flushed database', async () => {
    const prefix = 'fence:';
    const lock = createLock({ redis, prefix });
    const dead = createLock({ redis, prefix });
    const tokens: number[] = [];
    const take = async (from = lock) => {
      const lease = await from.acquire('a', { leaseMs, waitMs: 5_000 });
      tokens.push(lease.token);
      return lease;
    };
    await (await take()).release();
    await take(dead);
    await dead.close();
    await take();
    await lock.delete('a');
    await take();
    await lock.clear();
    await take();
    await redis.flushdb();
    await (await take()).release();
    expect(tokens).toHaveLength(6);
    expect(tokens).toStrictEqual([...new Set(tokens)].toSorted((a, b) => a - b));
  });

  it('is a safe integer that starts at the time of Redis in microseconds', async () => {
    const lock = createLock({ redis, prefix: 'fence-time:' });
    const [seconds] = (await redis.time()).map(Number);
    const { token } = await lock.acquire('a', { leaseMs });
    expect(Number.isSafeInteger(token)).toBe(true);
    expect(Math.floor(token / 1_000_000) - Number(seconds)).toBeLessThan(5);
  });

  it('goes on rising when the clock of Redis has stepped back', async () => {
    const lock = createLock({ redis, prefix: 'fence-step:' });
    const ahead = (Date.now() + 3_600_000) * 1_000;
    await redis.hset('fence-step:{a}:fence', 'last', ahead);
    const first = await lock.acquire('a', { leaseMs });
    expect(first.token).toBe(ahead + 1);
    await first.release();
    const second = await lock.acquire('a', { leaseMs });
    expect(second.token).toBe(ahead + 2);
  });

  it('is remembered for a day after the last lease', async () => {
    const lock = createLock({ redis, prefix: 'fence-ttl:' });
    await lock.using('a', { leaseMs }, () => undefined);
    const ttl = await redis.pttl('fence-ttl:{a}:fence');
    expect(ttl).toBeGreaterThan(86_000_000);
    await until(async () => (await redis.exists('fence-ttl:{a}')) === 0);
  });
});
