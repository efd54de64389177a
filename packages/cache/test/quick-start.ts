import { createRedis } from '@sallyport/core';
import { createCache } from '@sallyport/cache';

export const redis = createRedis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const cache = createCache({ redis, namespace: 'shop', ttlMs: 60_000 });

export function findProduct(id: number) {
  return cache.getOrSet(`product:${id}`, () => queryProduct(id), { tags: ['products'] });
}

export async function renameProducts() {
  // … update the database, then:
  await cache.invalidateTags(['products']);
}

async function queryProduct(id: number) {
  return { id, name: `Product ${id}`, readAt: performance.now() };
}
