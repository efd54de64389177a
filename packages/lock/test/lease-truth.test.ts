import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProxy, until } from '@sallyport/testkit';
import { createLock, type Lease } from '@sallyport/lock';

// The signal must come before anybody else can have the lock: measured against the time at which the acquire was sent,
// which is the earliest at which Redis can have begun to count.

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const leaseMs = 800;
const guard = 50;
/** A timer on a machine with other work comes late; the guard is there for that. */
const timerLagMs = 45;

const server = await dedicatedRedis();
const direct = server.client();

async function hold(prefix: string, redis = server.client()) {
  await redis.ping();
  const lock = createLock({ redis, prefix });
  const sentAt = performance.now();
  const lease = await lock.acquire('a', { leaseMs });
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  stalls.enable();
  let abortedAt: number | undefined;
  lease.signal.addEventListener('abort', () => {
    abortedAt = performance.now();
  });
  const abortAfterMs = async () => {
    await until(() => abortedAt !== undefined, { timeoutMs: 10_000, everyMs: 2 });
    stalls.disable();
    // While the process stands still for want of a processor, no timer can fire: that time is not the lock's.
    return (abortedAt ?? Infinity) - sentAt - Math.max(stalls.max / 1e6 - timerLagMs, 0);
  };
  return { lock, lease, abortAfterMs };
}

describe('lease.signal', () => {
  it('aborts within a renewal when the lock was taken by somebody else', async () => {
    const { lock, lease, abortAfterMs } = await hold('stolen:');
    await direct.del('stolen:{a}');
    await direct.zadd('stolen:{a}', Date.now() + 60_000, '1:p9:a thief');
    expect(await abortAfterMs()).toBeLessThan(leaseMs - guard + timerLagMs);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
    expect(await direct.zrange('stolen:{a}', '0', '-1')).toStrictEqual(['1:p9:a thief']);
    await lock.close();
  });

  it('aborts within a renewal when the key is gone, and does not make it again', async () => {
    const { lock, abortAfterMs } = await hold('deleted:');
    await direct.del('deleted:{a}');
    expect(await abortAfterMs()).toBeLessThan(leaseMs - guard + timerLagMs);
    expect(await direct.exists('deleted:{a}')).toBe(0);
    await lock.close();
  });

  it('aborts before the lease ends when Redis is paused', async () => {
    const { lock, lease, abortAfterMs } = await hold('paused:');
    server.pause();
    try {
      expect(await abortAfterMs()).toBeLessThan(leaseMs - guard + timerLagMs);
      expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'expired' });
      expect(() => lease.assertHeld()).toThrow('is lost');
    } finally {
      server.resume();
    }
    await lock.close();
  });

  it('aborts before the lease ends when the network swallows everything', async () => {
    const proxy = await startProxy({ port: server.port });
    const { lock, abortAfterMs } = await hold('partition:', proxy.client());
    proxy.blackHole();
    expect(await abortAfterMs()).toBeLessThan(leaseMs - guard + timerLagMs);
    await proxy.heal();
    await lock.close();
  });

  it('stays quiet while replies are slow but in time, and the lease is renewed', async () => {
    const proxy = await startProxy({ port: server.port });
    const { lock, lease } = await hold('slow:', proxy.client());
    proxy.delay(120);
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 2 * leaseMs, { timeoutMs: 10_000 });
    lease.assertHeld();
    await proxy.heal();
    await lock.close();
  });

  it('counts from the sending of the acquire when its reply is slow', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client();
    await redis.ping();
    proxy.delay(150);
    const lock = createLock({ redis, prefix: 'late-reply:', deadlineMs: 1_000 });
    const lease = await lock.acquire('a', { leaseMs });
    expect(lease.remainingMs).toBeLessThan(leaseMs - guard - 140);
    await proxy.heal();
    await lease.release();
  });
});

describe('the signal', () => {
  it('comes before the lease could have been given to somebody else, in every trial', async () => {
    const faults = ['stolen', 'paused', 'partition', 'slow'] as const;
    await Promise.all(faults.map(async (fault) => expect([fault, await latestOf(fault)]).toStrictEqual([fault, -1])));
  });

  /** -1 when all signals came before the ends that Redis had set, else the milliseconds that one came later. */
  async function latestOf(fault: 'stolen' | 'paused' | 'partition' | 'slow'): Promise<number> {
    const own = await dedicatedRedis();
    const proxy = await startProxy({ port: own.port });
    const redis = proxy.client();
    await redis.ping();
    const lock = createLock({ redis, prefix: 'trial:', deadlineMs: 2_000 });
    await lock.using('warm-up', { leaseMs }, () => undefined);
    const trials = Array.from({ length: isFull ? 100 : 20 }, async (_, index) => {
      const lease = await lock.acquire(`r${index}`, { leaseMs: 500 + ((index * 37) % 700) });
      const trial = { lease, abortedAt: undefined as number | undefined };
      lease.signal.addEventListener('abort', () => (trial.abortedAt = Date.now()));
      return trial;
    });
    const all = await Promise.all(trials);
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 700, { everyMs: 20 });
    // One that a busy machine has lost before is no trial.
    const held = all.filter(({ lease }) => !lease.signal.aborted);
    expect(held.length).toBeGreaterThan(all.length / 2);
    if (fault === 'partition') proxy.blackHole();
    if (fault === 'slow') proxy.delay(2_000);
    // In one transaction with the fault where Redis takes part in it: what Redis then says is when the leases end.
    const look = own.client().multi();
    for (const { lease } of held) look.zrange(`trial:{${lease.resource}}`, '0', '0', 'WITHSCORES');
    if (fault === 'stolen') for (const { lease } of held) look.del(`trial:{${lease.resource}}`);
    if (fault === 'paused') look.call('client', 'pause', '2500', 'all');
    const ends = ((await look.exec()) ?? []).slice(0, held.length).map(([, reply]) => Number((reply as string[])[1]));
    await until(() => held.every(({ abortedAt }) => abortedAt !== undefined), { timeoutMs: 10_000 });
    delays.disable();
    const stallMs = Math.max(delays.max / 1e6 - 10, 0);
    const late = held.map(({ abortedAt }, index) => Number(abortedAt) - stallMs - Number(ends[index]));
    await lock.close();
    await proxy.heal();
    return Math.max(-1, ...late);
  }
});

describe('lease.assertHeld()', () => {
  it('throws in the first tick after the event loop stood still for longer than the lease', async () => {
    const looks: ((lease: Lease) => boolean)[] = [
      (lease) => lease.signal.aborted,
      (lease) => lease.remainingMs === 0,
      (lease) => {
        expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST' }));
        return true;
      },
    ];
    for (const [index, look] of looks.entries()) {
      const { lock, lease } = await hold(`stalled-${index}:`);
      // Blocks this thread: no timer, no reply, as in a long computation or a stopped process.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, leaseMs + 50);
      expect(look(lease)).toBe(true);
      await lock.close();
    }
  });
});
