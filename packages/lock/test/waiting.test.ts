import { describe, expect, it } from '@jest/globals';
import { connect, deferred, uniquePrefix, until, within } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';
import { createWaitingRoom, pauseMs, type Attempt } from '../src/waiting.js';

const limits = { waitMs: 10_000, signal: undefined };

describe('pauseMs()', () => {
  it('doubles from 20 to 160 ms and takes a random half off', () => {
    expect([0, 1, 2, 3, 4, 9].map((tries) => pauseMs(tries, 10_000, 0))).toStrictEqual([20, 40, 80, 160, 160, 160]);
    expect(pauseMs(0, 10_000, 1)).toBe(10);
  });

  it("does not sleep past the end of the holder's lease", () => {
    expect(pauseMs(9, 7, 0)).toBe(8);
  });
});

describe('createWaitingRoom()', () => {
  it('lets only the first in the queue try', async () => {
    const room = createWaitingRoom();
    const answer = deferred<Attempt<string>>();
    let triesOfSecond = 0;
    const first = room.enter('a', () => answer.promise, limits);
    const second = room.enter(
      'a',
      async () => {
        triesOfSecond += 1;
        return { granted: 'second' };
      },
      limits,
    );
    expect(triesOfSecond).toBe(0);
    answer.resolve({ granted: 'first' });
    expect(await first).toBe('first');
    // Woken by the first one's leaving, and not by the end of its own wait.
    await within(2_000, second);
    expect(await second).toBe('second');
  });

  it('tries at once when woken, also when that happened during a try', async () => {
    const room = createWaitingRoom();
    let tries = 0;
    const startedAt = performance.now();
    const attempt = async (): Promise<Attempt<number>> => {
      tries += 1;
      if (tries > 9) return { granted: tries };
      room.wake('a');
      return { holderRemainingMs: 60_000 };
    };
    expect(await room.enter('a', attempt, limits)).toBe(10);
    // With its pauses this would take 550 ms at least.
    expect(performance.now() - startedAt).toBeLessThan(400);
  });

  it('gives the error of a try to the whole queue', async () => {
    const room = createWaitingRoom();
    const answer = deferred<Attempt<string>>();
    const waits = [1, 2, 3].map(() => room.enter('a', () => answer.promise, limits));
    const failure = new Error('Redis is away');
    answer.reject(failure);
    for (const wait of waits) await expect(wait).rejects.toBe(failure);
    expect(await room.enter('a', async () => ({ granted: 'later' }), limits)).toBe('later');
  });

  it('keeps resources apart', async () => {
    const room = createWaitingRoom();
    const blocked = room.enter('a', async () => ({ holderRemainingMs: 60_000 }), limits);
    expect(await room.enter('b', async () => ({ granted: 'b' }), limits)).toBe('b');
    room.close();
    await expect(blocked).rejects.toMatchObject({ code: 'ERR_LOCK_ABORTED' });
  });
});

describe('waiting for a lock', () => {
  it('serves the callers of one process in the order in which they came', async () => {
    const lock = createLock({ redis: connect(), prefix: uniquePrefix('lock'), deadlineMs: 2_000 });
    const order: number[] = [];
    const holder = await lock.acquire('a', { leaseMs: 5_000 });
    const all = Array.from({ length: 30 }, (_, index) =>
      lock.using('a', { leaseMs: 5_000, waitMs: 15_000 }, () => void order.push(index)),
    );
    await holder.release();
    await Promise.all(all);
    expect(order).toStrictEqual(order.toSorted((a, b) => a - b));
    expect(order).toHaveLength(30);
  });

  it('hands over within the process without waiting for the next try', async () => {
    const lock = createLock({ redis: connect(), prefix: uniquePrefix('lock'), deadlineMs: 2_000 });
    const gaps: number[] = [];
    let freedAt = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        lock.using('a', { leaseMs: 5_000, waitMs: 15_000 }, async () => {
          if (freedAt > 0) gaps.push(performance.now() - freedAt);
          await until(() => true);
          freedAt = performance.now();
        }),
      ),
    );
    const median = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)];
    expect(median).toBeLessThan(20);
  });
});
