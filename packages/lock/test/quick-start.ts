import { createLock } from '@sallyport/lock';
import { createRedis } from '@sallyport/core';

const redis = createRedis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const lock = createLock({ redis });

const left = await lock.using('stock:7', { leaseMs: 5_000, waitMs: 2_000 }, async (lease) => {
  const stock = Number((await redis.get('shop:stock:7')) ?? 10);
  lease.assertHeld(); // throws if the lease was lost meanwhile
  await redis.set('shop:stock:7', stock - 1, 'EX', 3_600);
  return stock - 1;
});

process.stdout.write(`${left} left\n`);
await lock.close();
await redis.quit();
