// One of two processes on a shared "database": a counter in Redis that stands for the source. A round bumps the counter,
// purges, and then asks: an answer older than the own bump is a stale value that survived the purge. Readers keep loads of
// all kinds running meanwhile: first loads, refreshes ahead of expiry, refreshes of what is stale, through memory or not.

import type { ProcessContext } from '@sallyport/testkit';
import { Redis } from 'ioredis';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
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
  const counts = { refresh: 0, stale: 0, overtaken: 0 };
  const cache = createCache({
    redis,
    prefix,
    namespace: 'race',
    ttlMs: 60_000,
    deadlineMs: 10_000,
    l1: index === 0 ? {} : false,
    onEvent(event) {
      if (event.type === 'refresh' || event.type === 'stale') counts[event.type] += 1;
      if (event.type === 'not-stored' && event.reason === 'overtaken') counts.overtaken += 1;
    },
  });
  const verbs = ['delete', 'invalidateTags', 'clear', 'soft delete', 'soft invalidateTags', 'soft clear'];
  const stale: string[] = [];
  let rounds = 0;
  for (const name of verbs) {
    const soft = name.startsWith('soft ');
    const verb = name.replace('soft ', '');
    const key = `key ${name}`;
    const source = `${prefix}source:${name}`;
    async function purge() {
      if (verb === 'delete') await cache.delete(key, { soft });
      if (verb === 'invalidateTags') await cache.invalidateTags([name], { soft });
      if (verb === 'clear') await cache.clear({ soft });
    }
    const read = async () => {
      const value = Number((await redis.get(source)) ?? 0);
      // The time between reading the source and having the value, in which purges fall.
      await delay(Math.random() * 3);
      return value;
    };
    await barrier();
    const state = { isDone: false };
    // Short TTLs make for refreshes ahead of expiry; one reader lets its loader name the tag.
    const readers = Array.from({ length: 3 }, async (_reader, number) => {
      const ttlMs = 5 + number * 10;
      while (!state.isDone) {
        // Hits in memory never leave the microtask queue, and nothing else would have a turn.
        await nextTurn();
        if (number === 0) {
          await cache.getOrSet(key, ({ addTags }) => (addTags([name]), read()), { ttlMs, swrMs: 1_000 });
        } else await cache.getOrSet(key, read, { tags: [name], ttlMs, swrMs: 1_000 });
      }
    });
    for (let round = 0; round < roundsPerVerb; round += 1) {
      const written = await redis.incr(source);
      await redis.pexpire(source, 600_000);
      await purge();
      // What is given as fresh, and what is given to one who takes nothing stale.
      const fresh = await cache.get<number>(key, { tags: [name] });
      const got = await cache.getOrSet(key, read, { tags: [name] });
      if (got < written) stale.push(`${name} in process ${index}, round ${round}: got ${got} after ${written}`);
      if (fresh !== undefined && fresh < written) stale.push(`${name}: fresh ${fresh} after ${written}`);
      rounds += 1;
      await delay(Math.random() * 2);
    }
    state.isDone = true;
    await Promise.all(readers);
  }
  await cache.close();
  redis.disconnect();
  return { rounds, stale, counts };
}
