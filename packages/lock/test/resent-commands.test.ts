import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProxy, until, type ProxiedCommand } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

// By default ioredis sends a command again when the connection broke before the reply. The server has then run it twice.

const server = await dedicatedRedis();
const direct = server.client();
const leaseMs = 5_000;

async function lossyLock(prefix: string) {
  const proxy = await startProxy({ port: server.port });
  const redis = proxy.client({ retryStrategy: () => 10 });
  const lock = createLock({ redis, prefix, deadlineMs: 5_000 });
  await lock.using('warm-up', { leaseMs }, () => undefined);
  let isDropped = false;
  /** Loses the reply to the next script call, once. */
  const loseNextReply = () => {
    isDropped = false;
    proxy.dropReplies(({ name }: ProxiedCommand) => {
      if (name !== 'evalsha' || isDropped) return false;
      isDropped = true;
      return true;
    });
  };
  return { lock, loseNextReply, wasLost: () => isDropped };
}

describe('a command that ioredis sends again', () => {
  it('acquires once: the same lease with the same token', async () => {
    const { lock, loseNextReply, wasLost } = await lossyLock('twice-acquire:');
    loseNextReply();
    const lease = await lock.acquire('a', { leaseMs });
    expect(wasLost()).toBe(true);
    expect(Number(await direct.hget('twice-acquire:{a}:fence', 'last'))).toBe(lease.token);
    expect(await lease.release()).toStrictEqual({ released: true });
  });

  it('releases once, and says that it did', async () => {
    const { lock, loseNextReply, wasLost } = await lossyLock('twice-release:');
    const lease = await lock.acquire('a', { leaseMs });
    loseNextReply();
    expect(await lease.release()).toStrictEqual({ released: true });
    expect(wasLost()).toBe(true);
  });

  it('extends without harm', async () => {
    const { lock, loseNextReply, wasLost } = await lossyLock('twice-extend:');
    const lease = await lock.acquire('a', { leaseMs });
    loseNextReply();
    await lease.extend(20_000);
    expect(wasLost()).toBe(true);
    expect(lease.remainingMs).toBeGreaterThan(10_000);
    await lease.release();
  });
});

describe('an acquire whose reply comes after the deadline', () => {
  it('is given back', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client();
    const lock = createLock({ redis, prefix: 'late:', deadlineMs: 50 });
    await lock.using('warm-up', { leaseMs }, () => undefined);
    proxy.delay(300);
    await expect(lock.acquire('a', { leaseMs: 60_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    expect(await direct.exists('late:{a}')).toBe(1);
    await until(async () => (await direct.exists('late:{a}')) === 0, { timeoutMs: 5_000 });
  });
});
