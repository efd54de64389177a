import { describe, expect, it } from '@jest/globals';
import { connect, deferred, uniquePrefix, until } from '@sallyport/testkit';
import { createLock, LockHeldError, LockTimeoutError, type AcquireOptions } from '@sallyport/lock';

const redis = connect();
const leaseMs = 5_000;
const waitMs = 10_000;

function freshLock() {
  const prefix = uniquePrefix('sharing');
  return { prefix, lock: createLock({ redis, prefix, deadlineMs: 2_000 }) };
}

describe('permits', () => {
  it('let so many leases be held at a time, and no more', async () => {
    const { lock } = freshLock();
    let [inside, most] = [0, 0];
    const body = async () => {
      most = Math.max(most, (inside += 1));
      await redis.ping();
      inside -= 1;
    };
    const options = { leaseMs, waitMs, permits: 3 };
    await Promise.all(Array.from({ length: 30 }, () => lock.using('a', options, body)));
    expect(most).toBe(3);
    expect(await lock.get('a')).toBeUndefined();
  });

  it('are shown by get(), and the caller after the last is told when one comes free', async () => {
    const { lock } = freshLock();
    await lock.acquire('a', { leaseMs, permits: 2 });
    const second = await lock.acquire('a', { leaseMs, permits: 2 });
    expect(await lock.get('a')).toMatchObject({ holders: 2, waiting: 0, token: second.token });
    const error = await lock.acquire('a', { leaseMs, permits: 2 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LockHeldError);
    expect((error as LockHeldError).holderRemainingMs).toBeGreaterThan(0);
  });

  it('come back when the lease of one that died runs out', async () => {
    const { lock, prefix } = freshLock();
    const dead = createLock({ redis, prefix, deadlineMs: 2_000 });
    await dead.acquire('a', { leaseMs: 300, permits: 2 });
    await dead.close();
    await lock.acquire('a', { leaseMs, permits: 2 });
    const lease = await lock.acquire('a', { leaseMs, waitMs, permits: 2 });
    expect(await lock.get('a')).toMatchObject({ holders: 2 });
    await lease.release();
  });
});

describe("mode: 'shared'", () => {
  const shared = { leaseMs, waitMs, mode: 'shared' } as const;

  it('lets readers in together, and a writer alone', async () => {
    const { lock } = freshLock();
    const readers = await Promise.all([1, 2, 3].map(() => lock.acquire('a', shared)));
    expect(await lock.get('a')).toMatchObject({ holders: 3 });
    expect(await lock.tryAcquire('a', { leaseMs })).toBeUndefined();
    await Promise.all(readers.map((lease) => lease.release()));
    const writer = await lock.acquire('a', { leaseMs });
    expect(await lock.tryAcquire('a', { leaseMs, mode: 'shared' })).toBeUndefined();
    await writer.release();
  });

  it('does not starve the writer: readers who come later wait behind it', async () => {
    const { lock } = freshLock();
    const order: string[] = [];
    const first = await lock.acquire('a', shared);
    const take = async (name: string, options: AcquireOptions) => {
      const lease = await lock.acquire('a', options);
      order.push(name);
      await lease.release();
    };
    const writer = take('writer', { leaseMs, waitMs });
    await until(async () => (await lock.get('a'))?.waiting === 1);
    expect(await lock.tryAcquire('a', { leaseMs, mode: 'shared' })).toBeUndefined();
    const readers = [1, 2, 3].map((index) => take(`reader ${index}`, shared));
    await until(async () => (await lock.get('a'))?.waiting === 4);
    await first.release();
    await Promise.all([writer, ...readers]);
    expect(order[0]).toBe('writer');
    expect(order).toHaveLength(4);
  });

  it('gives rising tokens to all of them', async () => {
    const { lock } = freshLock();
    const readers = [await lock.acquire('a', shared), await lock.acquire('a', shared)];
    const tokens = readers.map(({ token }) => token);
    expect(tokens[1]).toBeGreaterThan(Number(tokens[0]));
  });

  it('cannot be had together with permits', async () => {
    const { lock } = freshLock();
    await expect(lock.acquire('a', { ...shared, permits: 3 })).rejects.toMatchObject({ option: 'permits' });
    await expect(lock.acquire('a', { leaseMs, permits: 0 })).rejects.toMatchObject({ option: 'permits' });
    await expect(lock.acquire('a', { leaseMs, mode: 'both' as never })).rejects.toMatchObject({ option: 'mode' });
  });
});

describe('usingAll()', () => {
  it('holds all resources at once, each once, with their tokens', async () => {
    const { lock } = freshLock();
    const result = await lock.usingAll(['c', 'a', 'b', 'a'], { leaseMs }, async (leases) => {
      expect(leases.leases.map(({ resource }) => resource)).toStrictEqual(['c', 'a', 'b']);
      for (const name of ['a', 'b', 'c']) {
        expect(await lock.get(name)).toMatchObject({ token: leases.tokenOf(name) });
      }
      expect(() => leases.tokenOf('d')).toThrow(RangeError);
      leases.assertHeld();
      await leases.extend(20_000);
      expect(leases.remainingMs).toBeGreaterThan(15_000);
      return 'done';
    });
    expect(result).toBe('done');
    for (const name of ['a', 'b', 'c']) expect(await lock.get(name)).toBeUndefined();
  });

  it('takes none when one is held, and says which', async () => {
    const { lock } = freshLock();
    await lock.acquire('b', { leaseMs });
    const body = () => Promise.reject(new Error('not to be run'));
    const error = await lock.usingAll(['c', 'b', 'a'], { leaseMs }, body).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_LOCK_HELD', resource: 'b' });
    await expect(lock.acquireAll(['a', 'b'], { leaseMs, waitMs: 60 })).rejects.toThrow(LockTimeoutError);
    expect([await lock.get('a'), await lock.get('c')]).toStrictEqual([undefined, undefined]);
  });

  it('never deadlocks, in whatever order the callers name them', async () => {
    const { lock } = freshLock();
    const orders = [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'c', 'a'],
    ];
    let inside = 0;
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        lock.usingAll(orders[index % 3] ?? [], { leaseMs, waitMs: 15_000 }, async () => {
          expect((inside += 1)).toBe(1);
          await redis.ping();
          inside -= 1;
        }),
      ),
    );
  });

  it('aborts its signal, and says so, when one of the leases is lost', async () => {
    const { lock } = freshLock();
    const isLost = deferred();
    await lock.usingAll(['a', 'b'], { leaseMs: 300 }, async (leases) => {
      leases.signal.addEventListener('abort', () => isLost.resolve());
      await lock.delete('b');
      await isLost.promise;
      expect(leases.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', resource: 'b' });
      expect(() => leases.assertHeld()).toThrow('"b" is lost');
    });
  });

  it('tells what became of each', async () => {
    const { lock } = freshLock();
    const leases = await lock.acquireAll(['b', 'a'], { leaseMs });
    await lock.delete('b');
    expect(await leases.release()).toStrictEqual([{ released: false, reason: 'expired' }, { released: true }]);
    await expect(lock.acquireAll([], { leaseMs })).rejects.toMatchObject({ option: 'resources' });
  });
});
