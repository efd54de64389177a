// One process of a fleet: fifty callers ask for one cold key at once. Loads are counted in Redis, by all processes together.

import type { ProcessContext } from '@sallyport/testkit';
import { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { createCache } from '../../src/index.js';

interface Args {
  readonly address: { readonly host: string; readonly port: number; readonly db: number };
  readonly prefix: string;
  readonly rounds: number;
  readonly loadMs: number;
  readonly leaseMs?: number;
  readonly errorTtlMs?: number;
  readonly isFailing?: boolean;
  /** Reports the value early and goes on, to be killed. */
  readonly isHolder?: boolean;
}

export async function run(args: Args, { barrier, ready }: ProcessContext) {
  const { prefix, rounds, loadMs, leaseMs = 2_000, errorTtlMs = 0 } = args;
  const redis = new Redis(args.address);
  const cache = createCache({ redis, prefix, namespace: 'fleet', ttlMs: 60_000, deadlineMs: 10_000, leaseMs });
  const answers = new Set<unknown>();
  let slowestMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    const load = async () => {
      const runs = await redis.incr(`${prefix}runs:${round}`);
      await redis.pexpire(`${prefix}runs:${round}`, 60_000);
      if (args.isHolder === true) ready(process.pid);
      await delay(loadMs);
      if (args.isFailing === true) throw new RangeError('the source is down');
      return runs;
    };
    if (args.isHolder !== true) await barrier();
    const startedAt = performance.now();
    const calls = Array.from({ length: 50 }, () => cache.getOrSet(`key-${round}`, load, { errorTtlMs }));
    for (const result of await Promise.allSettled(calls)) {
      answers.add(result.status === 'fulfilled' ? result.value : (result.reason as Error).name);
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  await cache.close();
  redis.disconnect();
  return { answers: [...answers], slowestMs };
}
