import { Redis } from 'ioredis';
import { createLock } from '@sallyport/lock';

/** Reads, and writes one more: loses updates as soon as two do it at a time. */
export async function run({ url, prefix, rounds }: { url: string; prefix: string; rounds: number }) {
  const redis = new Redis(url);
  const lock = createLock({ redis, prefix, deadlineMs: 5_000 });
  const tokens: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await lock.using('counter', { leaseMs: 5_000, waitMs: 20_000 }, async (lease) => {
      const value = Number(await redis.get(`${prefix}value`));
      await redis.ping();
      await redis.set(`${prefix}value`, value + 1, 'EX', 60);
      tokens.push(lease.token);
      await redis.rpush(`${prefix}tokens`, lease.token);
    });
  }
  redis.disconnect();
  return tokens.length;
}
