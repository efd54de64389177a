import { describe, expect, it } from '@jest/globals';
import { deferred, until } from '@sallyport/testkit';
import { keepLease, type LeaseKeeperOptions } from '@sallyport/lock';

/** A keeper on a clock that the test moves. Renewals are answered as `answer` says. */
function keeperAt(answer: LeaseKeeperOptions['renew'], leaseMs = 300) {
  const clock = { now: 0 };
  const losses: string[] = [];
  const keeper = keepLease({
    leaseMs,
    sentAt: 0,
    renew: answer,
    onLost(reason) {
      losses.push(reason);
      return new Error(reason);
    },
    now: () => clock.now,
  });
  return { keeper, clock, losses };
}

const never = () => new Promise<number>(() => undefined);

describe('keepLease()', () => {
  it('ends 50 ms before the lease, counted from the sending', () => {
    const { keeper, clock } = keeperAt(never);
    expect(keeper.remainingMs).toBe(250);
    clock.now = 249;
    keeper.assertHeld();
    clock.now = 250;
    expect(() => keeper.assertHeld()).toThrow('expired');
  });

  it('knows the end without a timer, in whatever is looked at first', () => {
    const looks = [
      (keeper: ReturnType<typeof keepLease>) => keeper.signal.aborted,
      (keeper: ReturnType<typeof keepLease>) => keeper.remainingMs === 0,
    ];
    for (const look of looks) {
      const { keeper, clock, losses } = keeperAt(never);
      clock.now = 10_000;
      expect(look(keeper)).toBe(true);
      expect(losses).toStrictEqual(['expired']);
    }
  });

  it('aborts the signal when no renewal is ever answered', async () => {
    const losses: string[] = [];
    const onLost = (reason: string) => {
      losses.push(reason);
      return new Error(reason);
    };
    const sentAt = performance.now();
    const { signal } = keepLease({ leaseMs: 300, sentAt, renew: never, onLost });
    let abortedAt = Infinity;
    signal.addEventListener('abort', () => {
      abortedAt = performance.now();
    });
    await until(() => signal.aborted);
    expect(abortedAt - sentAt).toBeGreaterThanOrEqual(250);
    expect(losses).toStrictEqual(['expired']);
  });

  it('goes on as long as renewals succeed', async () => {
    let renewals = 0;
    const sentAt = performance.now();
    const keeper = keepLease({
      leaseMs: 600,
      sentAt,
      renew: async (leaseMs) => {
        renewals += 1;
        return leaseMs;
      },
      onLost: (reason) => new Error(reason),
    });
    await until(() => renewals >= 4, { timeoutMs: 10_000 });
    keeper.assertHeld();
    expect(performance.now() - sentAt).toBeGreaterThan(600);
    keeper.stop();
  });

  it('tries again soon after a renewal that failed', async () => {
    let renewals = 0;
    const { keeper } = keeperAt(async () => {
      renewals += 1;
      throw new Error('Redis is away');
    });
    await until(() => renewals >= 3);
    keeper.assertHeld();
    keeper.stop();
  });

  it('loses the lease when a renewal says that it is no longer ours', async () => {
    const { keeper, losses } = keeperAt(async () => undefined);
    await until(() => keeper.signal.aborted);
    expect(losses).toStrictEqual(['taken']);
    expect(keeper.signal.reason).toEqual(new Error('taken'));
  });

  it('counts an answer that came after its deadline', async () => {
    const late = deferred<(remainingMs: number | undefined) => void>();
    const { keeper } = keeperAt((_leaseMs, onLate) => {
      late.resolve(onLate);
      return Promise.reject(new Error('deadline'));
    });
    const onLate = await late.promise;
    onLate(10_000);
    expect(keeper.remainingMs).toBe(9_500);
    keeper.stop();
  });

  it('never revives a lease that was lost', async () => {
    const answer = deferred<number>();
    const { keeper, clock } = keeperAt(() => answer.promise);
    const extending = keeper.extend(300);
    clock.now = 260;
    expect(keeper.signal.aborted).toBe(true);
    answer.resolve(60_000);
    await expect(extending).rejects.toThrow('expired');
    expect(keeper.remainingMs).toBe(0);
  });

  it('reports nothing after stop()', () => {
    const { keeper, clock, losses } = keeperAt(never);
    keeper.stop();
    clock.now = 10_000;
    expect(keeper.signal.aborted).toBe(false);
    expect(keeper.remainingMs).toBe(0);
    expect(losses).toStrictEqual([]);
  });
});
