import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProxy, until, within } from '@sallyport/testkit';
import { createLock, type LockEvent } from '@sallyport/lock';
import { pauseMs } from '../src/quorum.js';

const leaseMs = 2_000;
const servers = await Promise.all([1, 2, 3].map(() => dedicatedRedis()));
let count = 0;

/** A lock on all three, and the keys of its resource `a` on each. */
function freshQuorum(deadlineMs = 500) {
  const prefix = `quorum-${(count += 1)}:`;
  const events: LockEvent[] = [];
  const quorum = servers.map((server) => server.client());
  const lock = createLock({ quorum, prefix, deadlineMs, onEvent: (event) => events.push(event) });
  const holders = () => Promise.all(quorum.map((redis) => redis.zcard(`${prefix}{a}`)));
  return { lock, prefix, quorum, events, holders };
}

async function whileDown<T>(indices: readonly number[], body: () => Promise<T>): Promise<T> {
  for (const index of indices) servers[index]?.pause();
  try {
    return await body();
  } finally {
    for (const index of indices) servers[index]?.resume();
  }
}

describe('quorum', () => {
  it('holds the lock on all masters, shows it, renews it and gives it back', async () => {
    const { lock, holders } = freshQuorum();
    const lease = await lock.acquire('a', { leaseMs: 600 });
    await until(async () => (await holders()).join() === '1,1,1');
    expect(await lock.get('a')).toMatchObject({ token: lease.token, holders: 1 });
    expect(await lock.tryAcquire('a', { leaseMs })).toBeUndefined();
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 1_000, { timeoutMs: 5_000, everyMs: 50 });
    lease.assertHeld();
    expect(await lease.release()).toStrictEqual({ released: true });
    expect(await holders()).toStrictEqual([0, 0, 0]);
    expect(await lock.delete('a')).toBe(false);
  });

  it('goes on when one of three masters is away', async () => {
    const { lock } = freshQuorum();
    await whileDown([1], async () => {
      const startedAt = performance.now();
      const token = await lock.using('a', { leaseMs }, async (lease) => {
        await expect(lock.acquire('a', { leaseMs })).rejects.toMatchObject({ code: 'ERR_LOCK_HELD' });
        lease.assertHeld();
        return lease.token;
      });
      expect(token).toBeGreaterThan(0);
      expect(performance.now() - startedAt).toBeLessThan(6_000);
    });
  });

  it('refuses without a majority, in time, and leaves nothing behind', async () => {
    const { lock, holders, events } = freshQuorum(200);
    await whileDown([0, 2], async () => {
      const taking = lock.acquire('a', { leaseMs, waitMs: 10_000 });
      await within(1_000, taking);
      await expect(taking).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', status: 503 });
    });
    expect(events.every(({ type }) => type === 'store-failure')).toBe(true);
    await until(async () => (await holders()).join() === '0,0,0');
  });

  it('rolls a minority back before the next try', async () => {
    const { lock, prefix, quorum, holders } = freshQuorum();
    for (const redis of quorum.slice(0, 2)) await redis.zadd(`${prefix}{a}`, Date.now() + 60_000, '1:p9:other');
    await expect(lock.acquire('a', { leaseMs })).rejects.toMatchObject({ code: 'ERR_LOCK_HELD' });
    expect(await holders()).toStrictEqual([1, 1, 0]);
    for (const redis of quorum.slice(0, 2)) setTimeout(() => void redis.del(`${prefix}{a}`), 100);
    const lease = await lock.acquire('a', { leaseMs, waitMs: 10_000 });
    lease.assertHeld();
  });

  it('gives no lease that is over when the last answer comes', async () => {
    const proxies = await Promise.all(servers.map((server) => startProxy({ port: server.port })));
    const quorum = proxies.map((proxy) => proxy.client());
    await Promise.all(quorum.map((redis) => redis.ping()));
    const lock = createLock({ quorum, prefix: 'slow:', deadlineMs: 2_000 });
    for (const proxy of proxies) proxy.delay(170);
    await expect(lock.acquire('a', { leaseMs: 200 })).rejects.toMatchObject({ code: 'ERR_LOCK_HELD' });
    for (const proxy of proxies) await proxy.heal();
    await until(async () => (await lock.tryAcquire('a', { leaseMs })) !== undefined);
  });

  it('says that the lease is lost when a majority has lost it, and not before', async () => {
    const { lock, prefix, quorum } = freshQuorum();
    const lease = await lock.acquire('a', { leaseMs: 900 });
    await until(async () => (await quorum[0]?.zcard(`${prefix}{a}`)) === 1);
    await quorum[0]?.del(`${prefix}{a}`);
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 1_000, { timeoutMs: 5_000, everyMs: 50 });
    lease.assertHeld();
    await quorum[1]?.del(`${prefix}{a}`);
    await until(() => lease.signal.aborted);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
    // Renewing has made neither of them again.
    expect(await Promise.all(quorum.slice(0, 2).map((redis) => redis.exists(`${prefix}{a}`)))).toStrictEqual([0, 0]);
  });

  it('gives rising tokens, whatever majority gave them and however their clocks differ', async () => {
    const { lock, prefix, quorum } = freshQuorum();
    const ahead = (Date.now() + 3_600_000) * 1_000;
    await quorum[0]?.hset(`${prefix}{a}:fence`, 'last', ahead);
    await quorum[0]?.pexpire(`${prefix}{a}:fence`, 60_000);
    const tokens: number[] = [];
    // The one whose clock is ahead answers, then it is away.
    tokens.push(await whileDown([2], () => lock.using('a', { leaseMs }, ({ token }) => token)));
    tokens.push(await whileDown([0], () => lock.using('a', { leaseMs }, ({ token }) => token)));
    tokens.push(await whileDown([1], () => lock.using('a', { leaseMs }, ({ token }) => token)));
    expect(tokens[0]).toBe(ahead + 1);
    expect(tokens).toStrictEqual([...new Set(tokens)].toSorted((a, b) => a - b));
  });

  it('never runs two bodies at a time while masters come and go, and survives the loss of one', async () => {
    const { lock } = freshQuorum();
    let [inside, done] = [0, 0];
    const all = Array.from({ length: 12 }, (_, index) =>
      lock.using('a', { leaseMs: 5_000, waitMs: 60_000 }, async () => {
        expect((inside += 1)).toBe(1);
        if (index === 4) await servers[2]?.restart();
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
        done += 1;
      }),
    );
    await Promise.all(all);
    expect(done).toBe(12);
  }, 70_000);

  it('is an odd number of different clients, alone', () => {
    const [a, b, c] = servers.map((server) => server.client());
    if (a === undefined || b === undefined || c === undefined) throw new Error('three servers');
    const code = 'ERR_LOCK_OPTION';
    const refused = (options: object) => {
      try {
        createLock(options);
      } catch (error) {
        return error;
      }
      return 'nothing was thrown';
    };
    expect(refused({ quorum: [a, b] })).toMatchObject({ code, option: 'quorum' });
    expect(refused({ quorum: [a, b, b] })).toMatchObject({ code, option: 'quorum' });
    expect(refused({ quorum: [a, b, {}] })).toMatchObject({ code, option: 'quorum[2]' });
    expect(refused({ redis: a, quorum: [a, b, c] })).toMatchObject({ code, option: 'redis' });
    expect(refused({ quorum: [a, b, c], replicas: 1 })).toMatchObject({ code, option: 'replicas' });
  });

  it('ends a wait by signal and by close()', async () => {
    const { lock } = freshQuorum();
    await lock.acquire('a', { leaseMs: 60_000 });
    const controller = new AbortController();
    const aborted = lock.acquire('a', { leaseMs, waitMs: 60_000, signal: controller.signal });
    const closed = lock.acquire('a', { leaseMs, waitMs: 60_000 });
    await expect(lock.acquire('a', { leaseMs, waitMs: 50 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    controller.abort(new Error('gone'));
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_LOCK_ABORTED', cause: controller.signal.reason });
    await lock.close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_LOCK_ABORTED' });
  });

  it('has exclusive and shared locks, but no semaphores', async () => {
    const { lock } = freshQuorum();
    const readers = [
      await lock.acquire('a', { leaseMs, mode: 'shared' }),
      await lock.acquire('a', { leaseMs, mode: 'shared' }),
    ];
    expect(await lock.tryAcquire('a', { leaseMs })).toBeUndefined();
    await Promise.all(readers.map((lease) => lease.release()));
    await expect(lock.acquire('a', { leaseMs, permits: 3 })).rejects.toMatchObject({ option: 'permits' });
  });
});

describe('pauseMs()', () => {
  it('doubles from 20 to 160 ms and takes a random half off', () => {
    expect([0, 1, 2, 3, 4, 9].map((tries) => pauseMs(tries, 10_000, 0))).toStrictEqual([20, 40, 80, 160, 160, 160]);
    expect(pauseMs(0, 10_000, 1)).toBe(10);
  });

  it("does not sleep past the end of the holder's lease", () => {
    expect(pauseMs(9, 7, 0)).toBe(8);
  });
});
