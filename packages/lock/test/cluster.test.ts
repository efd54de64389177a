import { describe, expect, it } from '@jest/globals';
import { dedicatedCluster, until } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';
import { hashTagOf, slotOf } from '../src/slot.js';

const leaseMs = 5_000;
const cluster = await dedicatedCluster();
const client = () => cluster.client();

describe('a lock on Redis Cluster', () => {
  it('works for resources in all slots, whatever their names', async () => {
    const lock = createLock({ redis: client(), deadlineMs: 5_000 });
    const resources = ['a', '{', '}', '{a}b', 'c}d{e', 'ü/7', ...Array.from({ length: 30 }, (_, index) => `r${index}`)];
    for (const resource of resources) {
      const result = await lock.using(resource, { leaseMs }, async (lease) => {
        expect(await lock.get(resource)).toMatchObject({ token: lease.token });
        return lease.resource;
      });
      expect(result).toBe(resource);
    }
    expect(await lock.clear()).toBe(resources.length);
  }, 60_000);

  it('calls waiters, on whatever node their resource is', async () => {
    const prefix = 'calls:';
    const lockOf = () => createLock({ redis: client(), prefix, deadlineMs: 5_000 });
    const [holding, waiting] = [lockOf(), lockOf()];
    const resources = Array.from({ length: 12 }, (_, index) => `r${index}`);
    const holders = await Promise.all(resources.map((resource) => holding.acquire(resource, { leaseMs: 60_000 })));
    const waits = resources.map((resource) => waiting.acquire(resource, { leaseMs, waitMs: 60_000 }));
    for (const resource of resources) await until(async () => (await waiting.get(resource))?.waiting === 1);
    // Longer than it takes to connect, so that it is calls that wake them, and not the connection.
    const connectedAt = performance.now();
    await until(() => performance.now() - connectedAt > 300);
    const gaps: number[] = [];
    for (const [index, holder] of holders.entries()) {
      const releasedAt = performance.now();
      await holder.release();
      await waits[index];
      gaps.push(performance.now() - releasedAt);
    }
    // By their own timers they would need 200 ms on the average.
    expect(gaps.toSorted((a, b) => a - b)[6]).toBeLessThan(100);
  }, 60_000);

  it('renews leases in different slots', async () => {
    const lock = createLock({ redis: client(), prefix: 'renew:', deadlineMs: 5_000 });
    const leases = await Promise.all(['a', 'b', 'c', 'd'].map((resource) => lock.acquire(resource, { leaseMs: 900 })));
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 2_000, { timeoutMs: 10_000, everyMs: 50 });
    for (const lease of leases) lease.assertHeld();
    await Promise.all(leases.map((lease) => lease.release()));
  }, 60_000);

  it('knows the slots that the servers know', async () => {
    const redis = client();
    for (const key of ['a', 'lock:{stock:7}', '{}x', 'x{}{y}', 'ü', 'a{b}c', 'foo{{bar}}zap', '}{']) {
      expect(slotOf(key)).toBe(await redis.cluster('KEYSLOT', key));
    }
    expect(hashTagOf('foo{{bar}}zap')).toBe('{bar');
  });
});
