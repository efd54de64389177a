// One of two processes on a shared "database": a counter in Redis that stands for the source. A round bumps the counter,
// purges, and then asks: an answer older than the own bump is a stale value that survived the purge.

import type { ProcessContext } from '@sallyport/testkit';
import { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { createCache } from '../../src/index.js';

interface Args {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly prefix: string;
  readonly roundsPerVerb: number;
}

export async function run({ prefix, roundsPerVerb, ...address }: Args, { index, barrier }: ProcessContext) {
  const redis = new Redis(address);
  const cache = createCache({ redis, prefix, namespace: 'race', ttlMs: 60_000, deadlineMs: 10_000 });
  const verbs = {
    delete: (key: string) => cache.delete(key),
    invalidateTags: (key: string) => cache.invalidateTags([key]),
    clear: () => cache.clear(),
  };
  const stale: string[] = [];
  let rounds = 0;
  for (const [verb, purge] of Object.entries(verbs)) {
    const source = `${prefix}source:${verb}`;
    const read = async () => {
      const value = Number((await redis.get(source)) ?? 0);
      // The time between reading the source and having the value, in which purges fall.
      await delay(Math.random() * 3);
      return value;
    };
    await barrier();
    const state = { isDone: false };
    // Readers of this process keep loads running all the time.
    const readers = Array.from({ length: 3 }, async () => {
      while (!state.isDone) await cache.getOrSet(verb, read, { tags: [verb] });
    });
    for (let round = 0; round < roundsPerVerb; round += 1) {
      const written = await redis.incr(source);
      await redis.pexpire(source, 60_000);
      await purge(verb);
      const got = await cache.getOrSet(verb, read, { tags: [verb] });
      if (got < written) stale.push(`${verb} in process ${index}, round ${round}: got ${got} after ${written}`);
      rounds += 1;
      await delay(Math.random() * 2);
    }
    state.isDone = true;
    await Promise.all(readers);
  }
  redis.disconnect();
  return { rounds, stale };
}
