// The order of a bench: one Redis of its own, a probe per scenario, then rounds, each of all variants in another order, so
// that what the machine does meanwhile falls on all of them alike.

import { startRedis, type RedisServer } from '@sallyport/redis-server';
import { pin } from './child.js';
import { measure, startLoad, type RunLength } from './measure.js';
import { probe, type RedisDemand } from './probe.js';
import { shuffled } from './statistics.js';
import { summarize, type ScenarioRun, type Summary, type VariantResult } from './summary.js';
import { labelOf, type Variant } from './variant.js';

/** What to measure, and how long. */
export interface BenchOptions extends RunLength {
  /** In the order of the table; the reference and the baselines must be among them. */
  readonly variants: readonly Variant[];
  readonly rounds: number;
  /** Told what is done next. */
  readonly onProgress?: (text: string) => void;
}

export async function runBench({
  variants,
  rounds,
  onProgress = () => undefined,
  ...length
}: BenchOptions): Promise<Summary[]> {
  const redis = await startRedis();
  const load = startLoad();
  try {
    const demands = new Map<string, RedisDemand>();
    for (const name of new Set(variants.map((variant) => variant.name))) {
      onProgress(`probe: ${name}`);
      await emptied(redis);
      demands.set(name, await named(name, () => probe(name, redis)));
    }
    const results: (VariantResult & { runs: ScenarioRun[] })[] = variants.map((variant) => ({
      variant,
      demand: demands.get(variant.name) as RedisDemand,
      runs: [],
    }));
    for (let round = 1; round <= rounds; round += 1) {
      for (const { variant, runs } of shuffled(results)) {
        const label = `${labelOf(variant)}, Node ${variant.node.version}`;
        onProgress(`round ${round} of ${rounds}: ${label}`);
        await emptied(redis);
        runs.push(await named(label, () => measure(variant, redis, load, length)));
      }
    }
    return await summarize(results);
  } finally {
    await Promise.all([redis.stop(), load.kill()]);
  }
}

async function emptied(redis: RedisServer): Promise<void> {
  await redis.restart();
  pin(redis.pid, 0);
}

async function named<T>(scenario: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw new Error(`${scenario}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
