import { Redis } from 'ioredis';
import { createLock } from '@sallyport/lock';

/** Takes the lock and keeps it until it is killed. */
export async function run({ url, prefix, leaseMs }: { url: string; prefix: string; leaseMs: number }) {
  const redis = new Redis(url);
  const lease = await createLock({ redis, prefix, deadlineMs: 5_000 }).acquire('a', { leaseMs });
  return lease.token;
}
