import { describe, expect, it } from '@jest/globals';
import type { AlgorithmName } from '../../src/algorithms/algorithms.js';
import { decide, type Frame } from '../../src/decide.js';
import { resolvePolicies, type PolicySet } from '../../src/policies.js';
import { randomBy } from '@sallyport/testkit';

// What the README promises of each algorithm, on the twin of the script. That Redis decides the same is proved by
// scripts/decide.test.ts.

/** Events per algorithm: `npm run test:full` has a million. */
const EVENTS = process.env['SALLYPORT_TEST'] === 'full' ? 1_000_000 : 20_000;
const START = 1_790_000_000_000_000;

interface Case {
  readonly algorithm: Exclude<AlgorithmName, 'concurrency'>;
  /** At most so many units in any rolling window. */
  readonly ceiling: (limit: number, burst: number) => number;
  readonly burst?: (limit: number) => number;
}

const cases: Case[] = [
  { algorithm: 'ring', ceiling: (limit) => limit },
  { algorithm: 'sliding-log', ceiling: (limit) => limit },
  { algorithm: 'fixed-window', ceiling: (limit) => 2 * limit - 1 },
  { algorithm: 'sliding-window', ceiling: (limit) => 2 * limit - 1 },
  { algorithm: 'token-bucket', ceiling: (limit, burst) => limit + burst - 1, burst: (limit) => limit },
  {
    algorithm: 'gcra',
    ceiling: (limit, burst) => limit + burst - 1,
    burst: (limit) => Math.max(1, Math.floor(limit / 10)),
  },
];

/** A client under one policy, and the most that any rolling window has admitted. */
class Subject {
  readonly #set: PolicySet;
  readonly #period: number;
  readonly #admitted: { at: number; cost: number }[] = [];
  #first = 0;
  #sum = 0;
  #frame: Frame | undefined;
  busiest = 0;
  total = 0;

  constructor(algorithm: AlgorithmName, limit: number, windowMs: number, subWindows?: number) {
    this.#set = resolvePolicies([{ name: 'p', algorithm, limit, windowMs, subWindows }], 'n');
    this.#period = windowMs * 1000;
  }

  ask(at: number, cost = 1): readonly number[] {
    const { reply, frame } = decide(this.#frame, this.#set, { mode: 'consume', cost }, at);
    this.#frame = frame;
    if (reply[0] === 1) this.#count(at, cost);
    return reply;
  }

  #count(at: number, cost: number): void {
    this.total += cost;
    this.#sum += cost;
    this.#admitted.push({ at, cost });
    for (
      let first = this.#admitted[this.#first];
      first !== undefined && first.at <= at - this.#period;
      first = this.#admitted[this.#first]
    ) {
      this.#sum -= first.cost;
      this.#first += 1;
    }
    this.busiest = Math.max(this.busiest, this.#sum);
  }
}

const loads = [1.1, 1.25, 1.5, 2, 3, 10];

/** What part of the limit a client is admitted that always asks for `overload` times as much. */
function utilisationOf(algorithm: AlgorithmName, overload: number, subWindows?: number): number {
  const limit = 300;
  const period = 60_000_000;
  // From an empty start the whole limit is there at once; a bucket that hardly overflows takes ten windows to run dry.
  const [warmUp, windows] = [12, 40];
  const subject = new Subject(algorithm, limit, 60_000, subWindows);
  const step = period / limit / overload;
  let before = 0;
  for (let at = 0; at < (warmUp + windows) * period; at += step) {
    if (at < warmUp * period) before = subject.total;
    subject.ask(START + Math.floor(at));
  }
  return (subject.total - before) / (windows * limit);
}

describe('ring of 40 buckets', () => {
  it.each(loads)('admits at least 97 %% of the limit under %d times as much', (overload) => {
    expect(utilisationOf('ring', overload, 40)).toBeGreaterThanOrEqual(0.97);
  });
});

describe.each(cases)('$algorithm', ({ algorithm, ceiling, burst = () => 0 }) => {
  it('admits no more than its ceiling in any rolling window, of adversarial and random traffic', () => {
    let events = 0;
    for (let seed = 1; events < EVENTS; seed += 1) {
      const random = randomBy(seed);
      const limit = [1, 2, 3, 5, 17, 100][seed % 6] ?? 1;
      const windowMs = [1, 3, 10, 1_000, 60_000][seed % 5] ?? 1;
      const period = windowMs * 1000;
      const subject = new Subject(algorithm, limit, windowMs);
      let now = START + Math.floor(random() * period);
      for (let burstNumber = 0; burstNumber < 200; burstNumber += 1) {
        // Mostly at the edges: of the window, of a thirtieth of it, of a tick.
        const edge =
          [0, 1, period, period / 30, period / 120, period * random(), period * random() * 2][
            Math.floor(random() * 7)
          ] ?? 0;
        now += Math.max(0, Math.floor(edge + (random() < 0.5 ? Math.floor(3 * random()) - 1 : 0)));
        const requests = 1 + Math.floor(random() * (random() < 0.3 ? 2 * limit : 4));
        for (let request = 0; request < requests; request += 1)
          subject.ask(now, random() < 0.9 ? 1 : 1 + Math.floor(random() * limit));
        events += requests;
      }
      const { busiest } = subject;
      const context = { algorithm, limit, windowMs, seed };
      expect({ ...context, busiest, isWithin: busiest <= ceiling(limit, burst(limit)) }).toEqual({
        ...context,
        busiest,
        isWithin: true,
      });
    }
    expect(events).toBeGreaterThanOrEqual(EVENTS);
  }, 300_000);

  it('admits as much as its ceiling says, or nearly, when a client times its requests', () => {
    const limit = 100;
    const period = 60_000_000;
    const subject = new Subject(algorithm, limit, 60_000);
    subject.ask(START);
    for (let request = 0; request < limit; request += 1) subject.ask(START + period - 10);
    for (let at = START + period; at < START + 3 * period; at += 10_000) subject.ask(at);
    expect(subject.busiest).toBeGreaterThanOrEqual(0.98 * ceiling(limit, burst(limit)));
  });

  it.each(loads)('admits at least 97 %% of the limit to a client that always asks for %d times as much', (overload) => {
    // With buckets of the default 30, a ring that is hardly overloaded falls just short of that.
    const isLightlyLoadedRing = algorithm === 'ring' && overload < 3;
    const utilisation = utilisationOf(algorithm, overload);
    expect(utilisation).toBeGreaterThanOrEqual(isLightlyLoadedRing ? 0.963 : 0.97);
    expect(utilisation).toBeLessThanOrEqual(1.001);
  });

  it('admits a client that comes back after the time it was told, and at most a µs or two earlier', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = randomBy(seed);
      const limit = 1 + Math.floor(random() * 12);
      const windowMs = 1 + Math.floor(random() * 300);
      const cost = 1 + Math.floor(random() * Math.min(limit, algorithm === 'gcra' ? 1 : limit));
      const history = (wait: number | undefined) => {
        const again = randomBy(seed + 1);
        const subject = new Subject(algorithm, limit, windowMs);
        let now = START;
        for (let step = 0; step < 40; step += 1) {
          now += Math.floor(again() * windowMs * 300 * again());
          subject.ask(now);
        }
        return subject.ask(now + (wait ?? 0), cost);
      };
      const [status, , , , retry = 0] = history(undefined);
      if (status === 1) continue;
      expect({ seed, status: history(retry)[0] }).toEqual({ seed, status: 1 });
      const slack = 4 + Math.ceil(windowMs * 0.01);
      if (retry > slack) expect({ seed, status: history(retry - slack)[0] }).toEqual({ seed, status: 0 });
    }
  });

  it('has the whole limit again after reset, as a client that is new', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomBy(seed);
      const limit = 1 + Math.floor(random() * 12);
      const windowMs = 1 + Math.floor(random() * 300);
      const subject = new Subject(algorithm, limit, windowMs);
      let now = START;
      let reset = 0;
      for (let step = 0; step < 30; step += 1) {
        now += Math.floor(random() * windowMs * 300 * random());
        reset = subject.ask(now)[3] ?? 0;
      }
      const [, , free] = subject.ask(now + reset);
      expect({ seed, free }).toEqual({ seed, free: algorithm === 'gcra' ? burst(limit) : limit });
    }
  });
});
