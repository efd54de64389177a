import { describe, expect, it } from '@jest/globals';
import { dedicatedCluster, dedicatedSentinel, until, within } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

const leaseMs = 30_000;

describe('replicas', () => {
  it('keep the lock through a failover; without enough of them it is not given', async () => {
    const sentinel = await dedicatedSentinel();
    const redis = sentinel.client();
    const lock = createLock({ redis, replicas: 1, deadlineMs: 2_000 });
    const held = await lock.acquire('a', { leaseMs });

    for (const replica of sentinel.replicas) replica.pause();
    const short = createLock({ redis, replicas: 1, deadlineMs: 300 });
    const taking = short.acquire('b', { leaseMs });
    await within(2_000, taking);
    await expect(taking).rejects.toMatchObject({
      code: 'ERR_LOCK_UNAVAILABLE',
      message: expect.stringContaining('reached 0 of 1 replicas'),
    });
    // Rolled back: it would be there for half a minute otherwise.
    await until(async () => (await redis.exists('lock:{b}')) === 0);
    for (const replica of sentinel.replicas) replica.resume();

    await sentinel.failover();
    const after = createLock({ redis: sentinel.client(), deadlineMs: 5_000 });
    await until(async () => (await after.get('a'))?.token === held.token, { timeoutMs: 10_000 });
    expect(await after.tryAcquire('a', { leaseMs })).toBeUndefined();
    await after.delete('a');
    const next = await after.acquire('a', { leaseMs });
    expect(next.token).toBeGreaterThan(held.token);
    await lock.close();
  }, 90_000);

  it('are asked on the node that has the key, in a Cluster', async () => {
    const cluster = await dedicatedCluster({ replicasPerMaster: 1 });
    const lock = createLock({ redis: cluster.client(), replicas: 1, deadlineMs: 5_000 });
    for (let index = 0; index < 6; index += 1) {
      await lock.using(`r${index}`, { leaseMs }, (lease) => lease.assertHeld());
    }
    const two = createLock({ redis: cluster.client(), replicas: 2, deadlineMs: 300 });
    await expect(two.acquire('a', { leaseMs })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
  }, 60_000);
});
