import { describe, expect, it } from '@jest/globals';
import { deferred } from '@sallyport/testkit';
import { BEAT_MS, createWaitingRoom, type Attempt, type WaitingRoom, type WaitLimits } from '../src/waiting.js';

const limits = { waitMs: 10_000, signal: undefined };
const held = { holderRemainingMs: 60_000 };

/** A room on a clock that the test moves, and what its callers ask. */
function roomOf({ isLive = true } = {}) {
  let now = 0;
  let listeners = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const room: WaitingRoom = createWaitingRoom({
    listen() {
      listeners += 1;
      return { isLive, stop: () => (listeners -= 1) };
    },
    clock: {
      now: () => now,
      after(ms, run) {
        const timer = { at: now + ms, run };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  async function pass(ms: number): Promise<void> {
    now += ms;
    for (const timer of timers) {
      if (timer.at > now) continue;
      timers.delete(timer);
      timer.run();
    }
    await settle();
  }
  const asked: string[] = [];
  function enter(
    owner: string,
    answer: () => Attempt<string> | Promise<Attempt<string>> = () => held,
    more: WaitLimits = limits,
  ) {
    const attempt = async () => {
      asked.push(owner);
      return answer();
    };
    const entering = room.enter({ resource: 'a', owner, attempt }, more);
    entering.catch(() => undefined);
    return entering;
  }
  return { room, enter, asked, pass, settle, listeners: () => listeners };
}

describe('createWaitingRoom()', () => {
  it('lets everybody ask once, then only the first, beat by beat', async () => {
    const { enter, asked, pass, settle } = roomOf();
    for (const owner of ['x', 'y', 'z']) void enter(owner);
    await settle();
    expect(asked).toStrictEqual(['x', 'y', 'z']);
    for (let beat = 0; beat < 3; beat += 1) await pass(BEAT_MS);
    expect(asked.slice(3)).toStrictEqual(['x', 'x', 'x']);
  });

  it('lets who is called ask at once, also when that came during a try', async () => {
    const { room, enter, asked, settle } = roomOf();
    void enter('x');
    const answer = deferred<Attempt<string>>();
    const second = enter('y', () =>
      asked.filter((owner) => owner === 'y').length > 1 ? { granted: 'y' } : answer.promise,
    );
    room.call('y');
    answer.resolve(held);
    expect(await second).toBe('y');
    room.call('x');
    await settle();
    expect(asked).toStrictEqual(['x', 'y', 'y', 'x']);
  });

  it('lets those ask of whom an answer to another says that they are called', async () => {
    const { enter, asked, pass, settle } = roomOf();
    let called: string[] = [];
    void enter('x', () => ({ ...held, called }));
    const outcomes = ['y', 'z'].map((owner) =>
      enter(owner, () => (called.includes(owner) ? { granted: owner } : held)),
    );
    await settle();
    called = ['z', 'y', 'gone'];
    await pass(BEAT_MS);
    expect(await Promise.all(outcomes)).toStrictEqual(['y', 'z']);
    expect(asked).toStrictEqual(['x', 'y', 'z', 'x', 'z', 'y']);
  });

  it("asks when the holder's lease is over", async () => {
    const { enter, asked, pass, settle } = roomOf();
    void enter('x', () => ({ holderRemainingMs: 30 }));
    await settle();
    await pass(30);
    expect(asked).toHaveLength(1);
    await pass(1);
    expect(asked).toHaveLength(2);
  });

  it('asks more often while it cannot be called', async () => {
    const { enter, asked, pass, settle } = roomOf({ isLive: false });
    void enter('x');
    await settle();
    await pass(BEAT_MS / 4);
    expect(asked).toHaveLength(2);
  });

  it('goes on asking when those in front leave one after the other', async () => {
    const { enter, asked, pass, settle } = roomOf();
    const controllers = ['v', 'w', 'x', 'y'].map((owner) => {
      const controller = new AbortController();
      void enter(owner, () => held, { ...limits, signal: controller.signal });
      return controller;
    });
    void enter('z');
    await settle();
    for (const controller of controllers) {
      await pass(BEAT_MS * 0.9);
      controller.abort();
      await settle();
      await settle();
    }
    expect(asked.length - 5).toBeGreaterThanOrEqual(2);
  });

  it('gives the error of a try to the whole line', async () => {
    const { enter, pass, settle } = roomOf();
    const failure = new Error('Redis is away');
    let isBroken = false;
    const first = enter('x', () => (isBroken ? Promise.reject(failure) : held));
    const second = enter('y');
    await settle();
    isBroken = true;
    await pass(BEAT_MS);
    await expect(first).rejects.toBe(failure);
    await expect(second).rejects.toBe(failure);
    expect(await enter('z', () => ({ granted: 'later' }))).toBe('later');
  });

  it('ends a wait in time, by signal and by close(), and listens only meanwhile', async () => {
    const { room, enter, pass, settle, listeners } = roomOf();
    const late = enter('x', () => held, { waitMs: 50, signal: undefined });
    const controller = new AbortController();
    const aborted = enter('y', () => held, { waitMs: 5_000, signal: controller.signal });
    const closed = enter('z');
    await settle();
    expect(listeners()).toBe(3);
    await pass(50);
    await expect(late).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', waitMs: 50 });
    controller.abort(new Error('gone'));
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_LOCK_ABORTED', cause: controller.signal.reason });
    room.close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_LOCK_ABORTED' });
    expect(listeners()).toBe(0);
  });
});
