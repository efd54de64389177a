// The order of a bench: one Redis of its own, a probe per scenario, then rounds, each of all scenarios in another order, so
// that what the machine does meanwhile falls on all of them alike.

import { startRedis, type RedisServer } from '@sallyport/redis-server';
import { pin } from './child.js';
import { measure, type RunLength } from './measure.js';
import { probe } from './probe.js';
import { loadScenario } from './scenarios/catalogue.js';
import { shuffled } from './statistics.js';
import { summarize, type ScenarioResult, type ScenarioRun, type Summary } from './summary.js';

/** What to measure, and how long. */
export interface BenchOptions extends RunLength {
  /** Names in the order of the table. */
  readonly scenarios: readonly string[];
  /** The scenario that the others are divided by; one of `scenarios`. */
  readonly reference: string;
  readonly rounds: number;
  /** Told what is done next. */
  readonly onProgress?: (text: string) => void;
}

/** @throws {RangeError} for an unknown scenario, before anything is started */
export async function runBench(options: BenchOptions): Promise<Summary[]> {
  const { scenarios, reference, rounds, onProgress = () => undefined } = options;
  await Promise.all([reference, ...scenarios].map(loadScenario));
  const redis = await startRedis();
  pin(redis.pid, 0);
  try {
    const results: (ScenarioResult & { runs: ScenarioRun[] })[] = [];
    for (const name of scenarios) {
      onProgress(`probe: ${name}`);
      results.push({ name, demand: await named(name, () => probe(name, redis)), runs: [] });
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, runs } of shuffled(results)) {
        onProgress(`round ${round} of ${rounds}: ${name}`);
        runs.push(await named(name, () => measureAfresh(name, redis, options)));
      }
    }
    return summarize(results, reference);
  } finally {
    await redis.stop();
  }
}

/** Each run begins with an empty Redis. */
async function measureAfresh(name: string, redis: RedisServer, length: RunLength): Promise<ScenarioRun> {
  await redis.restart();
  pin(redis.pid, 0);
  return measure(name, redis, length);
}

async function named<T>(scenario: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw new Error(`${scenario}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
