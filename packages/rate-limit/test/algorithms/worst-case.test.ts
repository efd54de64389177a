import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { algorithms, type AlgorithmName } from '../../src/algorithms/algorithms.js';
import type { Policy } from '../../src/decision.js';

// What the README promises of each algorithm, on the in-memory form. That Redis decides the same is proved by
// scripts/decision-scripts.test.ts.

const names = Object.keys(algorithms) as AlgorithmName[];

/** Times at which requests come: bursts of some, then a pause of 0 to two windows, mostly near the window's edges. */
function traffic({ limit, windowMs }: Policy) {
  const pause = fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 2 * windowMs + 1 }),
    fc.constantFrom(windowMs - 1, windowMs, windowMs + 1),
  );
  const burst = fc.oneof(fc.integer({ min: 1, max: 2 * limit }), fc.constantFrom(1, limit - 1 || 1, limit));
  return fc.array(fc.tuple(pause, burst), { minLength: 1, maxLength: 40 });
}

const policies = fc.record({ limit: fc.integer({ min: 1, max: 12 }), windowMs: fc.integer({ min: 1, max: 300 }) });
const scenarios = policies.chain((policy) => fc.tuple(fc.constant(policy), traffic(policy)));

/** The largest number of admissions in any span `windowMs` long, given their times in order. */
function busiestWindow(times: readonly number[], windowMs: number): number {
  let busiest = 0;
  let first = 0;
  for (const [index, time] of times.entries()) {
    while ((times[first] ?? time) <= time - windowMs) first += 1;
    busiest = Math.max(busiest, index - first + 1);
  }
  return busiest;
}

function admissions(name: AlgorithmName, policy: Policy, bursts: readonly (readonly [number, number])[]): number[] {
  const counter = algorithms[name].createCounter(policy);
  const admitted: number[] = [];
  let now = 1_000_000;
  for (const [pause, requests] of bursts) {
    now += pause;
    for (let request = 0; request < requests; request += 1) if (counter.take(now).isAllowed) admitted.push(now);
  }
  return admitted;
}

describe.each(names)('%s', (name) => {
  it('admits at most 2 × limit − 1 requests in any rolling window', () => {
    const property = fc.property(scenarios, ([policy, bursts]) => {
      const busiest = busiestWindow(admissions(name, policy, bursts), policy.windowMs);
      expect(busiest).toBeLessThanOrEqual(2 * policy.limit - 1);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('admits nearly that many when a client times its requests, as the README says', () => {
    const policy = { limit: 100, windowMs: 60_000 };
    // One request opens the window, the others come at its end, and from then on one each millisecond.
    const flood = Array.from({ length: policy.windowMs - 2 }, () => [1, 1] as const);
    const busiest = busiestWindow(
      admissions(name, policy, [[0, 1], [policy.windowMs - 1, 100], ...flood]),
      policy.windowMs,
    );
    expect(busiest).toBeGreaterThanOrEqual(198);
  });

  it('never admits two requests within one window when the limit is 1', () => {
    const alone = scenarios.map(([policy, bursts]) => [{ ...policy, limit: 1 }, bursts] as const);
    const property = fc.property(alone, ([policy, bursts]) => {
      expect(busiestWindow(admissions(name, policy, bursts), policy.windowMs)).toBeLessThanOrEqual(1);
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it.each([1, 2, 3, 10])('admits %i per window in the long run to a client that never stops asking', (limit) => {
    const policy = { limit, windowMs: 1_000 };
    const everyMillisecond = Array.from({ length: 100 * policy.windowMs }, () => [1, 1] as const);
    const admitted = admissions(name, policy, everyMillisecond).length;
    expect(admitted).toBeGreaterThanOrEqual(99 * limit);
    expect(admitted).toBeLessThanOrEqual(101 * limit);
  });

  it('admits a client that comes back after retryAfterMs, and not a millisecond earlier', () => {
    const property = fc.property(scenarios, ([policy, bursts]) => {
      const replay = (wait: number) => {
        const counter = algorithms[name].createCounter(policy);
        let now = 1_000_000;
        for (const [pause, requests] of bursts) {
          now += pause;
          for (let request = 0; request < requests; request += 1) counter.take(now);
        }
        const last = counter.take(now);
        return { last, next: counter.take(now + wait) };
      };
      const { last } = replay(0);
      const wait = last.retryAfterMs;
      expect(replay(wait).next.isAllowed).toBe(true);
      if (wait > 0) expect(replay(wait - 1).next.isAllowed).toBe(false);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('has the full limit again after resetMs, and not a millisecond earlier', () => {
    const property = fc.property(scenarios, ([policy, bursts]) => {
      const remainingAfter = (wait: (resetMs: number) => number) => {
        const counter = algorithms[name].createCounter(policy);
        let now = 1_000_000;
        let resetMs = 0;
        for (const [pause, requests] of bursts) {
          now += pause;
          for (let request = 0; request < requests; request += 1) resetMs = counter.take(now).resetMs;
        }
        return counter.take(now + wait(resetMs)).remaining;
      };
      // The request that asks takes one itself.
      expect(remainingAfter((resetMs) => resetMs)).toBe(policy.limit - 1);
      if (policy.limit > 1) expect(remainingAfter((resetMs) => resetMs - 1)).toBeLessThan(policy.limit - 1);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('is blocked for no longer than its rules say when the clock steps back', () => {
    const policy = { limit: 2, windowMs: 1_000 };
    const counter = algorithms[name].createCounter(policy);
    counter.take(9_000_000);
    counter.take(9_000_000);
    const stepped = counter.take(1_000_000);
    expect(stepped.isAllowed).toBe(false);
    expect(stepped.retryAfterMs).toBeLessThanOrEqual(policy.windowMs + 1);
    expect(counter.take(1_000_000 + stepped.retryAfterMs).isAllowed).toBe(true);
  });
});
