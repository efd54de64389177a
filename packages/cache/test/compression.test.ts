import { describe, expect, it } from '@jest/globals';
import { compress, decompress } from '../src/compression.js';
import { Kind } from '../src/frame.js';
import { randomBytes } from 'node:crypto';
import { cacheFixture } from './fixture.js';

const rows = Array.from({ length: 500 }, (_row, id) => ({ id, name: `Product ${id}`, inStock: true }));

describe('compressFromBytes', () => {
  it('stores large values in a fraction of their size, and gives them back to caches without the option', async () => {
    const { cache, elsewhere, redis, root } = cacheFixture({ compressFromBytes: 1_024 });
    await cache.set('rows', rows, { tags: ['a'] });
    await cache.getOrSet('bytes', () => Buffer.alloc(10_000, 'x'));
    expect(await redis.strlen(`${root}{rows}`)).toBeLessThan(JSON.stringify(rows).length / 5);
    const other = elsewhere({ compressFromBytes: undefined as never });
    expect(await other.get('rows')).toStrictEqual(rows);
    expect(await other.get('bytes')).toStrictEqual(Buffer.alloc(10_000, 'x'));
  });

  it('leaves small values and those that do not shrink as they are', async () => {
    const noise = randomBytes(5_000);
    expect(await compress({ kind: Kind.Bytes, body: noise })).toStrictEqual({ kind: Kind.Bytes, body: noise });
    const { cache, redis, root } = cacheFixture({ compressFromBytes: 1_024 });
    await cache.set('small', 'x'.repeat(500));
    expect(await redis.strlen(`${root}{small}`)).toBeGreaterThan(500);
  });

  it('takes a damaged body, and one that would grow beyond maxValueBytes, for a miss that heals', async () => {
    const { cache, elsewhere, redis, root } = cacheFixture({ compressFromBytes: 1_024 });
    await cache.set('key', rows);
    const small = elsewhere({ maxValueBytes: 1_000 });
    expect(await small.get('key')).toBeUndefined();
    const length = await redis.strlen(`${root}{key}`);
    await redis.setrange(`${root}{key}`, length - 600, 'damage'.repeat(20));
    expect(await cache.getOrSet('key', () => 'healed')).toBe('healed');
    expect(await cache.get('key')).toBe('healed');
    expect(await decompress(randomBytes(50), 1_000)).toBeUndefined();
  });
});
