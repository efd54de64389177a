import { Redis } from 'ioredis';
import { createLock } from '@sallyport/lock';

/** Lets `waiters` callers stand in the line until the process is killed. */
export async function run({ url, prefix, waiters }: { url: string; prefix: string; waiters: number }) {
  const redis = new Redis(url);
  const lock = createLock({ redis, prefix, deadlineMs: 5_000 });
  for (let waiter = 0; waiter < waiters; waiter += 1) {
    void lock.acquire('a', { leaseMs: 30_000, waitMs: 60_000 });
  }
  await redis.ping();
  return waiters;
}
