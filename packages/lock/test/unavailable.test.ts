import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, until, within } from '@sallyport/testkit';
import { createLock, LockUnavailableError, type LockEvent } from '@sallyport/lock';

const leaseMs = 60_000;
/** 200 ms by default, 250 promised; the rest is for a busy machine. */
const answerWithinMs = 500;

describe.each(['paused', 'stopped'] as const)('when Redis is %s', (how) => {
  async function lockOnBrokenRedis() {
    const server = await dedicatedRedis();
    const redis = server.client();
    const events: LockEvent[] = [];
    const lock = createLock({ redis, onEvent: (event) => events.push(event) });
    const lease = await lock.acquire('held', { leaseMs });
    if (how === 'paused') server.pause();
    else await server.kill();
    const mend = async () => (how === 'paused' ? server.resume() : server.restart());
    return { lock, lease, events, mend };
  }

  async function whileWaiting() {
    const own = await dedicatedRedis();
    const lock = createLock({ redis: own.client() });
    const lease = await lock.acquire('held', { leaseMs });
    const stop = async () => (how === 'paused' ? own.pause() : own.kill());
    const mend = async () => (how === 'paused' ? own.resume() : own.restart());
    return { lock, lease, stop, mend };
  }

  it('rejects with LockUnavailableError in time, whatever waitMs is', async () => {
    const { lock, events, mend } = await lockOnBrokenRedis();
    const calls = [
      lock.acquire('a', { leaseMs }),
      lock.acquire('b', { leaseMs, waitMs: 60_000 }),
      lock.acquire('b', { leaseMs, waitMs: 60_000 }),
      lock.tryAcquire('c', { leaseMs }),
      lock.using('d', { leaseMs }, () => 'not to be run'),
      lock.get('e'),
      lock.delete('f'),
    ];
    await within(answerWithinMs, Promise.allSettled(calls));
    for (const call of calls) {
      const error = await call.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(LockUnavailableError);
      expect(error).toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', status: 503, cause: expect.any(Error) });
    }
    expect(events).toContainEqual(expect.objectContaining({ type: 'store-failure', key: 'a', operation: 'acquire' }));
    await mend();
  });

  it('rejects those who wait already when they next ask, and does not leave them in the line', async () => {
    const { lock, lease, stop, mend } = await whileWaiting();
    const waits = [1, 2, 3].map(() => lock.acquire('held', { leaseMs, waitMs: 60_000 }));
    await until(async () => (await lock.get('held'))?.waiting === 3);
    await stop();
    // A beat and a deadline; the rest is for a busy machine.
    await within(400 + 200 + 1_500, Promise.allSettled(waits));
    for (const wait of waits) await expect(wait).rejects.toThrow(LockUnavailableError);
    await mend();
    await until(async () => ((await lock.get('held'))?.waiting ?? 0) === 0, { timeoutMs: 10_000 });
    await lease.release();
  });

  it('says of a release that Redis was unavailable, and does not throw', async () => {
    const { lease, events, mend } = await lockOnBrokenRedis();
    const releasing = lease.release();
    await within(answerWithinMs, releasing);
    expect(await releasing).toStrictEqual({ released: false, reason: 'unavailable' });
    expect(events.at(-1)).toMatchObject({ type: 'store-failure', operation: 'release', key: 'held' });
    await mend();
  });

  it('rejects extend() with LockUnavailableError and keeps the lease', async () => {
    const { lease, mend } = await lockOnBrokenRedis();
    await expect(lease.extend(leaseMs)).rejects.toThrow(LockUnavailableError);
    lease.assertHeld();
    await mend();
  });
});
