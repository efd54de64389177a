import { describe, expect, it } from '@jest/globals';
import { connect, randomBy, uniquePrefix } from '@sallyport/testkit';
import { randomUUID } from 'node:crypto';
import { algorithms, type AlgorithmName } from '../../src/algorithms/algorithms.js';
import type { DecideCommand } from '../../src/decide-command.js';
import { decide, type Frame } from '../../src/decide.js';
import { resolvePolicies, type PolicyOptions, type PolicySet } from '../../src/policies.js';
import { decideAt } from './script-at.js';

const redis = connect();
const prefix = uniquePrefix('rate-limit-script');
const names = Object.keys(algorithms) as AlgorithmName[];
/** A moment of 2026: the numbers are as large as they are in use. */
const START = 1_790_000_000_000_000;
/** Histories per algorithm, of 60 steps each. */
const RUNS = process.env['SALLYPORT_TEST'] === 'full' ? 600 : 20;
const penalty = { strikes: 3, windowMs: 5_000, banMs: 1_000, maxBanMs: 6_000 };

/** One client's history: random commands, costs, clocks and changed limits, given to the script and to its twin. */
async function compare(policies: readonly PolicyOptions[], seed: number): Promise<void> {
  const random = randomBy(seed);
  const pick = <T>(...choices: T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const key = `${prefix}{${randomUUID()}}`;
  const windowMs = policies[0]?.windowMs ?? 1;
  const ids: string[] = [];
  let now = START + Math.floor(random() * 1e9);
  let frame: Frame | undefined;
  const steps: Promise<unknown>[] = [];
  let set: PolicySet = resolvePolicies(policies, 'n');
  for (let step = 0; step < 60; step += 1) {
    now += Math.floor(
      pick(0, 0, 1, 0.001, 0.01, 0.03, 0.2, 0.5, 0.99, 1, 1.01, 2.5, -0.01) *
        windowMs *
        1000 *
        (random() < 0.5 ? 1 : random()),
    );
    if (random() < 0.02) now -= 100_000_000;
    if (random() < 0.05)
      set = resolvePolicies(
        policies.map((policy) => ({ ...policy, limit: pick(policy.limit, 1, 2, policy.limit * 2) })),
        'n',
      );
    const command = commandOf();
    const expected = decide(frame, set, command, now);
    frame = expected.frame;
    const context = { seed, step, policies, command };
    const actual = decideAt(redis, key, set, command, now);
    steps.push(actual.then((reply) => expect({ ...context, reply }).toEqual({ ...context, reply: expected.reply })));
  }
  await Promise.all(steps);

  function commandOf(): DecideCommand {
    const cost = pick(1, 1, 1, 1, 0, 2, 3, 7, 70_000);
    const id = String.fromCharCode(2 + Math.floor(random() * 250)).repeat(8);
    const mode = pick('consume', 'consume', 'consume', 'consume', 'lease', 'lease', 'settle', 'peek', 'punish', 'ban');
    switch (mode) {
      case 'lease':
        ids.push(id);
        return { mode, cost, id, leaseMicros: Math.ceil(random() * windowMs * 1500), refundable: pick(cost, 0) };
      case 'settle':
        return { mode, cost: 0, id: pick(...ids, id), actual: pick(0, 1, 2, 5, 1_000_000_000) };
      case 'punish':
        return { mode: 'consume', cost, penalty };
      case 'ban':
        return random() < 0.5 ? { mode: 'peek', cost } : { mode, cost: 0, banMicros: pick(0, 5_000, 50_000) };
      default:
        return { mode, cost };
    }
  }
}

const policyOf = (algorithm: AlgorithmName, random: () => number, name = 'p'): PolicyOptions => ({
  name,
  algorithm,
  limit: [1, 2, 3, 10, 50, 500][Math.floor(random() * 6)] ?? 1,
  windowMs: [1, 7, 100, 1_000, 60_000, 86_400_000][Math.floor(random() * 6)] ?? 1,
});

describe('the script and its twin in TypeScript', () => {
  it.each(names)(
    'decide alike over random traffic, clocks that step, and changed limits: %s',
    async (algorithm) => {
      for (let seed = 1; seed <= RUNS; seed += 1) await compare([policyOf(algorithm, randomBy(seed))], seed);
    },
    600_000,
  );

  it('decide alike about up to eight mixed policies', async () => {
    for (let seed = 1; seed <= 2 * RUNS; seed += 1) {
      const random = randomBy(seed);
      const count = 2 + Math.floor(random() * 7);
      const policies = Array.from({ length: count }, (_, index) => {
        return policyOf(names[Math.floor(random() * names.length)] ?? 'ring', random, `p${index}`);
      });
      await compare(policies, seed);
    }
  }, 600_000);
});

describe('what settlements charge beyond the limit', () => {
  const counted = names.filter((name) => name !== 'concurrency');
  it.each(counted)('is counted up to 32 bits and never overflows into a lower count: %s', async (algorithm) => {
    const set = resolvePolicies([{ name: 'p', limit: 1_000, windowMs: 60_000, algorithm }], 'n');
    const key = `${prefix}{overflow-${algorithm}}`;
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((letter) => letter.repeat(8));
    let frame: Frame | undefined;
    let now = START;
    async function both(command: DecideCommand): Promise<readonly number[]> {
      const expected = decide(frame, set, command, (now += 10));
      frame = expected.frame;
      expect(await decideAt(redis, key, set, command, now)).toEqual(expected.reply);
      return expected.reply;
    }
    for (const id of ids) {
      await both({ mode: 'lease', cost: 0, id, leaseMicros: 30_000_000, refundable: 0 });
    }
    for (const id of ids) await both({ mode: 'settle', cost: 0, id, actual: 1_000_000_000 });
    const [status, , free = 0] = await both({ mode: 'peek', cost: 1 });
    expect(status).toBe(0);
    expect(free).toBeLessThan(1_000 - 4_294_000_000);
    expect(free).toBeGreaterThanOrEqual((algorithm === 'gcra' ? 100 : 1_000) - 4_294_967_296);
    const isBucket = algorithm === 'gcra' || algorithm === 'token-bucket';
    if (isBucket) return;
    now += algorithm === 'sliding-window' ? 180_000_000 : 61_000_000;
    expect((await both({ mode: 'peek', cost: 1 }))[2]).toBe(1_000);
  });
});
