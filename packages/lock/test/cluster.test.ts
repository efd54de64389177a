import { describe, expect, it } from '@jest/globals';
import { dedicatedCluster } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

describe('a lock on Redis Cluster', () => {
  it('works for resources in all slots, whatever their names', async () => {
    const cluster = await dedicatedCluster();
    const lock = createLock({ redis: cluster.client(), deadlineMs: 5_000 });
    const resources = ['a', '{', '}', '{a}b', 'c}d{e', 'ü/7', ...Array.from({ length: 30 }, (_, index) => `r${index}`)];
    for (const resource of resources) {
      const result = await lock.using(resource, { leaseMs: 5_000 }, async (lease) => {
        expect(await lock.get(resource)).toMatchObject({ token: lease.token });
        return lease.resource;
      });
      expect(result).toBe(resource);
    }
    expect(await lock.clear()).toBe(resources.length);
  }, 60_000);
});
