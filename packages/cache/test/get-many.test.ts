import { describe, expect, it } from '@jest/globals';
import { countCommands } from '@sallyport/testkit';
import { cacheFixture } from './fixture.js';

describe('getMany()', () => {
  it('gives the fresh values in the order of the keys, one key as often as it is asked for', async () => {
    const { cache } = cacheFixture();
    await cache.set('a', 1, { tags: ['red'] });
    await cache.set('b', { n: 2 }, { swrMs: 60_000 });
    await cache.set('c', 3, { tags: ['blue'] });
    await cache.invalidateTags(['blue']);
    expect(await cache.getMany(['b', 'none', 'a', 'c', 'a'])).toStrictEqual([{ n: 2 }, undefined, 1, undefined, 1]);
    expect(await cache.getMany([])).toStrictEqual([]);
  });

  it('gives what get() gives for a value that is softly purged, and for null', async () => {
    const { cache } = cacheFixture();
    await cache.set('soft', 1, { swrMs: 60_000 });
    await cache.delete('soft', { soft: true });
    await cache.set('null', null);
    expect(await cache.getMany(['soft', 'null'])).toStrictEqual([undefined, null]);
  });

  it('asks once for a hundred keys, and once more for tags that the call does not name', async () => {
    const { cache, redis } = cacheFixture();
    const keys = Array.from({ length: 250 }, (_key, index) => `key-${index}`);
    await Promise.all(keys.map((key, index) => cache.set(key, index, { tags: ['all'] })));
    const { result, commands } = await countCommands(redis, () => cache.getMany(keys, { tags: ['all'] }));
    expect(result).toStrictEqual(keys.map((_key, index) => index));
    expect(commands).toStrictEqual({ mget: 3 });
    expect(await countCommands(redis, () => cache.getMany(keys.slice(0, 50)))).toMatchObject({ commands: { mget: 2 } });
  });

  it('refuses a key that is no string', async () => {
    const { cache } = cacheFixture();
    await expect(cache.getMany(['a', 7 as never])).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' });
  });
});
