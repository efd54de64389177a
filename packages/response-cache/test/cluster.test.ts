import { beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedCluster, expectTtlOnAllKeys, expressVersions, type DedicatedCluster } from '@sallyport/testkit';
import { site } from './fixture.js';

describe('responseCache() on a Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster();
  }, 60_000);

  it.each(expressVersions)('stores, varies and purges on all nodes, with $name', async ({ express }) => {
    const redis = cluster.client();
    const shop = site(express, { redis, tags: (req) => [`path:${req.path}`] });
    shop.serve((req, res) => void res.vary('Accept').send(`${shop.runs.count} ${req.path}`));
    const paths = Array.from({ length: 20 }, (_path, index) => `/page-${index}`);
    for (const path of paths) expect(await shop.get(path)).toMatchObject({ cache: 'MISS' });
    for (const path of paths) expect(await shop.get(path)).toMatchObject({ cache: 'HIT' });
    await expectTtlOnAllKeys(redis, shop.prefix);
    await shop.cached.invalidateTags(['path:/page-3']);
    expect(await shop.cached.invalidate('/page-4')).toBe(1);
    expect((await shop.get('/page-3')).cache).toBe('MISS');
    expect((await shop.get('/page-4')).cache).toBe('MISS');
    expect((await shop.get('/page-5')).cache).toBe('HIT');
    await shop.cached.clear();
    for (const path of paths) expect((await shop.get(path)).cache).toBe('MISS');
  });
});
