// Reads the keys through memory, over a connection that the test breaks, and notes what it saw and when it asked.

import { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { createCache } from '../../src/index.js';

interface Args {
  readonly port: number;
  readonly prefix: string;
  readonly keys: number;
  readonly forMs: number;
  /** When the writer has ended and all faults are over. */
  readonly settleMs: number;
}

export interface ReaderLog {
  readonly samples: [key: number, value: number, askedAt: number][];
  /** What each key gave in the end. */
  readonly last: (number | undefined)[];
  readonly hits: number;
  readonly timesArmed: number;
}

export async function run({ port, prefix, keys, forMs, settleMs }: Args): Promise<ReaderLog> {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, commandTimeout: 1_000 });
  redis.on('error', () => undefined);
  let timesArmed = 0;
  let hits = 0;
  const cache = createCache({
    redis,
    prefix,
    namespace: 'coherence',
    ttlMs: 600_000,
    deadlineMs: 500,
    l1: {},
    onEvent: (event) => (timesArmed += Number(event.type === 'l1' && event.isArmed)),
  });
  const samples: ReaderLog['samples'] = [];
  const endsAt = Date.now() + forMs;
  while (Date.now() < endsAt) {
    const key = Math.floor(Math.random() * keys);
    const askedAt = Date.now();
    const startedAt = performance.now();
    const value = await cache.get<number>(`key-${key}`);
    if (performance.now() - startedAt < 0.05) hits += 1;
    if (value !== undefined) samples.push([key, value, askedAt]);
    await delay(1);
  }
  await delay(settleMs);
  const last = await Promise.all(Array.from({ length: keys }, (_key, key) => cache.get<number>(`key-${key}`)));
  await cache.close();
  redis.disconnect();
  return { samples, last, hits, timesArmed };
}
