import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { algorithms, type AlgorithmName } from '../../src/algorithms/algorithms.js';
import type { Policy } from '../../src/decision.js';
import { runDecision, type DecisionArguments } from './run-decision.js';

const redis = connect();
const prefix = uniquePrefix('rate-limit-scripts');
const names = Object.keys(algorithms) as AlgorithmName[];
/** A moment of 2026: the numbers are as large as they are in use. */
const START = 1_790_000_000_000;

describe.each(names)('script of %s', (name) => {
  const stateBytes = { 'fixed-window': 10, 'sliding-window': 19, 'token-bucket': 18 }[name];
  const freshKey = () => prefix + randomUUID();
  const decide = (key: string, policy: Policy, given?: DecisionArguments) =>
    runDecision(redis, name, key, policy, given);

  it('decides as the algorithm in memory does, over random traffic and a clock that steps back', async () => {
    const policies = fc.record({
      limit: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1_000_000 })),
      windowMs: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 4_000_000_000 })),
    });
    const steps = fc.array(fc.oneof(fc.constantFrom(0, 0.01, 0.5, 1, 2), fc.double({ min: -2, max: 3, noNaN: true })), {
      minLength: 10,
      maxLength: 40,
    });
    const property = fc.asyncProperty(policies, steps, async (policy, windows) => {
      const counter = algorithms[name].createCounter(policy);
      const key = freshKey();
      let now = START;
      const replies = windows.map((step) => {
        now += Math.round(step * policy.windowMs);
        return { expected: counter.take(now), actual: decide(key, policy, { now }) };
      });
      for (const { expected, actual } of replies) expect(await actual).toEqual(expected);
      expect(await redis.pttl(key)).toBeGreaterThan(0);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('stays exact at the largest limit × windowMs that the factory admits', async () => {
    const policy = { limit: 142_413, windowMs: 366 * 86_400_000 };
    const key = freshKey();
    const counter = algorithms[name].createCounter(policy);
    for (const step of [0, 1, 1, policy.windowMs - 1, 0, policy.windowMs + 7]) {
      const now = START + step;
      expect(await decide(key, policy, { now })).toEqual(counter.take(now));
    }
    expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it('charges nothing for a rejection, so that a client which keeps asking does not stay blocked', async () => {
    const policy = { limit: 2, windowMs: 60_000 };
    const key = freshKey();
    await decide(key, policy, { now: START });
    await decide(key, policy, { now: START });
    const value = await redis.getBuffer(key);
    for (let attempt = 0; attempt < 50; attempt += 1) {
      expect(await decide(key, policy, { now: START + attempt })).toMatchObject({ isAllowed: false, remaining: 0 });
    }
    expect(await redis.getBuffer(key)).toEqual(value);
  });

  it('writes nothing when it peeks', async () => {
    const policy = { limit: 3, windowMs: 60_000 };
    const key = freshKey();
    expect(await decide(key, policy, { isPeek: true })).toMatchObject({ isAllowed: true, remaining: 3, resetMs: 0 });
    expect(await redis.exists(key)).toBe(0);
    const charged = await decide(key, policy, { now: START });
    expect(await decide(key, policy, { isPeek: true, now: START })).toEqual(charged);
  });

  it('keeps state and one receipt in one small value that expires', async () => {
    const policy = { limit: 10, windowMs: 60_000 };
    const key = freshKey();
    for (let request = 0; request < 10; request += 1) await decide(key, policy);
    expect(await redis.strlen(key)).toBe(stateBytes + 10);
    const ttlMs = await redis.pttl(key);
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(2 * policy.windowMs);
  });

  it("takes the server's time when it is given none", async () => {
    const key = freshKey();
    await decide(key, { limit: 2, windowMs: 60_000 });
    const { isAllowed, remaining, resetMs } = await decide(key, { limit: 2, windowMs: 60_000 });
    expect({ isAllowed, remaining }).toEqual({ isAllowed: true, remaining: 0 });
    expect(resetMs).toBeGreaterThan(50_000);
    expect(resetMs).toBeLessThanOrEqual(120_001);
  });

  it('keeps the count when the limit changes', async () => {
    const key = freshKey();
    for (let request = 0; request < 5; request += 1) await decide(key, { limit: 5, windowMs: 60_000 }, { now: START });
    expect(await decide(key, { limit: 3, windowMs: 60_000 }, { now: START })).toMatchObject({
      isAllowed: false,
      remaining: 0,
    });
    expect(await decide(key, { limit: 8, windowMs: 60_000 }, { now: START })).toMatchObject({
      isAllowed: true,
      remaining: 2,
    });
  });

  it('keeps the count when the window changes', async () => {
    const key = freshKey();
    for (let request = 0; request < 3; request += 1) await decide(key, { limit: 5, windowMs: 60_000 }, { now: START });
    for (const windowMs of [3_600_000, 7_000, 60_000]) {
      const peek = await decide(key, { limit: 5, windowMs }, { now: START, isPeek: true });
      expect(peek.remaining).toBe(2);
    }
  });

  it.each(['', 'x', 'y'.repeat(stateBytes + 3)])(
    'counts anew over a value that it did not write: %j',
    async (value) => {
      const key = freshKey();
      await redis.set(key, value, 'PX', 60_000);
      expect(await decide(key, { limit: 2, windowMs: 1_000 })).toMatchObject({ isAllowed: true, remaining: 1 });
    },
  );

  describe('when the client sends a decision again', () => {
    const policy = { limit: 3, windowMs: 60_000 };

    it('admits without charging a second time', async () => {
      const key = freshKey();
      const ticket = { instance: 7, sequence: 41, oldest: 41, now: START };
      const first = await decide(key, policy, ticket);
      expect(await decide(key, policy, ticket)).toEqual(first);
      expect(await decide(key, policy, { ...ticket, now: START + 500 })).toMatchObject({ isAllowed: true });
      expect((await decide(key, policy, { isPeek: true, now: START })).remaining).toBe(2);
    });

    it('admits again what took the last place', async () => {
      const key = freshKey();
      const tickets = [1, 2, 3].map((sequence) => ({ instance: 7, sequence, oldest: 1, now: START }));
      for (const ticket of [...tickets, ...tickets]) {
        expect(await decide(key, policy, ticket)).toMatchObject({ isAllowed: true });
      }
      expect(await decide(key, policy, { instance: 7, sequence: 4, oldest: 1, now: START })).toMatchObject({
        isAllowed: false,
      });
    });

    it('knows the decision also after its window has ended', async () => {
      const key = freshKey();
      const short = { limit: 1, windowMs: 100 };
      const ticket = { instance: 7, sequence: 1, oldest: 1 };
      await decide(key, short, { ...ticket, now: START });
      await decide(key, short, { ...ticket, now: START + 5_000 });
      expect((await decide(key, short, { isPeek: true, now: START + 5_000 })).remaining).toBe(1);
      expect(await redis.pttl(key)).toBeGreaterThan(9_000);
    });

    it('tells instances apart', async () => {
      const key = freshKey();
      for (const instance of [1, 2, 3]) await decide(key, policy, { instance, sequence: 1, oldest: 1, now: START });
      expect((await decide(key, policy, { isPeek: true, now: START })).remaining).toBe(0);
    });

    it('keeps receipts while older decisions are unanswered, and drops them afterwards', async () => {
      const key = freshKey();
      const large = { limit: 1_000, windowMs: 60_000 };
      for (let sequence = 1; sequence <= 5; sequence += 1) {
        await decide(key, large, { instance: 7, sequence, oldest: 1, now: START });
      }
      expect(await redis.strlen(key)).toBe(stateBytes + 5 * 10);
      await decide(key, large, { instance: 7, sequence: 6, oldest: 6, now: START });
      expect(await redis.strlen(key)).toBe(stateBytes + 10);
    });

    it('drops the receipts of instances that have been silent for more than 10 s', async () => {
      const key = freshKey();
      for (const instance of [1, 2]) await decide(key, policy, { instance, sequence: 1, oldest: 1, now: START });
      expect(await redis.strlen(key)).toBe(stateBytes + 20);
      await decide(key, policy, { instance: 3, sequence: 1, oldest: 1, now: START + 11_000 });
      expect(await redis.strlen(key)).toBe(stateBytes + 10);
    });

    it('goes on when the sequence begins again at 0', async () => {
      const key = freshKey();
      const last = 2 ** 32 - 1;
      await decide(key, policy, { instance: 7, sequence: last, oldest: last, now: START });
      await decide(key, policy, { instance: 7, sequence: 0, oldest: last, now: START });
      await decide(key, policy, { instance: 7, sequence: last, oldest: last, now: START });
      expect(await redis.strlen(key)).toBe(stateBytes + 20);
      await decide(key, policy, { instance: 7, sequence: 1, oldest: 1, now: START });
      expect(await redis.strlen(key)).toBe(stateBytes + 10);
      expect((await decide(key, policy, { isPeek: true, now: START })).remaining).toBe(0);
    });

    it('keeps at most 128 receipts', async () => {
      const key = freshKey();
      const large = { limit: 1_000, windowMs: 60_000 };
      const runs = Array.from({ length: 200 }, (_, sequence) =>
        decide(key, large, { instance: 7, sequence, oldest: 0, now: START }),
      );
      await Promise.all(runs);
      expect(await redis.strlen(key)).toBe(stateBytes + 1280);
      expect((await decide(key, large, { isPeek: true, now: START })).remaining).toBe(800);
    });
  });

  it('refuses a reply of another shape', () => {
    const { script } = algorithms[name];
    const odd = { status: 'ready', options: {}, call: async () => [2, 'x'], callBuffer: async () => [], on: () => 0 };
    return expect(script.run({ ...odd, off: () => 0 }, ['key'])).rejects.toThrow('a decision script gave [2,"x"]');
  });
});
