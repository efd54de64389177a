import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

/**
 * Runs `fn` while keys of somebody else lie in the same database, of every type and with names close to `prefix`, and asserts
 * afterwards that none of them was changed, removed or given another TTL.
 *
 * @throws {Error} naming the foreign keys that were touched
 */
export async function withForeignKeys<T>(redis: Redis, fn: () => T | Promise<T>, prefix = 'foreign:'): Promise<T> {
  const id = randomBytes(4).toString('hex');
  const near = [
    `x${prefix}${id}`,
    `${prefix.slice(0, -1)}-${id}`,
    `${prefix.toUpperCase()}${id}`,
    `{${prefix}${id}}`,
    `:${prefix}${id}`,
  ];
  const [string = '', hash = '', list = '', set = '', sorted = ''] = near;
  const stream = `foreign-stream-${id}`;
  await redis
    .pipeline()
    .set(string, 'foreign', 'EX', 3600)
    .hset(hash, { field: 'foreign' })
    .rpush(list, 'foreign')
    .sadd(set, 'foreign')
    .zadd(sorted, 1, 'foreign')
    .xadd(stream, '*', 'field', 'foreign')
    .exec();
  const keys = [...near, stream];
  const before = await snapshotOf(redis, keys);
  try {
    const result = await fn();
    const after = await snapshotOf(redis, keys);
    const touched = keys.filter((key) => before.get(key) !== after.get(key));
    if (touched.length > 0) throw new Error(`Foreign keys were touched: ${touched.join(', ')}`);
    return result;
  } finally {
    await redis.unlink(keys);
  }
}

/** Content and expiry of each key, as one string each. The exact rest of a TTL differs between two looks and is left out. */
async function snapshotOf(redis: Redis, keys: readonly string[]): Promise<Map<string, string>> {
  const snapshot = new Map<string, string>();
  for (const key of keys) {
    const content = (await redis.dumpBuffer(key))?.toString('base64') ?? 'missing';
    const ttlMs = await redis.pttl(key);
    const isShortened = ttlMs >= 0 && ttlMs < 3_000_000;
    snapshot.set(key, `${content} ${ttlMs === -1 ? 'persistent' : 'volatile'} ${isShortened}`);
  }
  return snapshot;
}
