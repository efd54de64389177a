import { beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedCluster, deferred, expectTtlOnAllKeys, type DedicatedCluster } from '@sallyport/testkit';
import { cacheFixture } from './fixture.js';

describe('createCache() on a Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  }, 60_000);

  const onCluster = () => {
    const redis = cluster.client();
    return { ...cacheFixture({ redis }), redis, elsewhere: cacheFixture };
  };
  const keys = Array.from({ length: 30 }, (_key, index) => `key-${index}`);

  it('stores, reads and purges entries with tags on all nodes', async () => {
    const { cache, redis, prefix } = onCluster();
    for (const key of keys)
      await cache.getOrSet(key, () => key, { tags: ['all', `tag-${key}`], staleIfErrorMs: 5_000 });
    expect(await Promise.all(keys.map((key) => cache.get(key)))).toStrictEqual(keys);
    await expectTtlOnAllKeys(redis, prefix);
    await cache.invalidateTags(['tag-key-3', 'tag-key-4']);
    expect(await cache.get('key-3')).toBeUndefined();
    expect(await cache.get('key-5')).toBe('key-5');
    expect(await cache.delete('key-5')).toBe(true);
    expect(await cache.get('key-5')).toBeUndefined();
    await cache.clear();
    const left = await Promise.all(keys.map((key) => cache.get(key)));
    expect(left.filter((value) => value !== undefined)).toStrictEqual([]);
  });

  it.each(['delete', 'invalidateTags', 'clear'] as const)('keeps a load out that %s has overtaken', async (verb) => {
    const { cache } = onCluster();
    for (const key of keys.slice(0, 10)) {
      const started = deferred();
      const gate = deferred<string>();
      const loading = cache.getOrSet(key, () => (started.resolve(), gate.promise), { tags: ['tag'] });
      await started.promise;
      if (verb === 'delete') await cache.delete(key);
      if (verb === 'invalidateTags') await cache.invalidateTags(['tag']);
      if (verb === 'clear') await cache.clear();
      gate.resolve('old');
      await loading;
      expect(await cache.get(key)).toBeUndefined();
    }
  });
});
