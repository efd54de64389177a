// Writes ever larger numbers to the keys and notes when each write was done, by the clock of the machine.

import { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { createCache } from '../../src/index.js';

interface Args {
  readonly port: number;
  readonly prefix: string;
  readonly keys: number;
  readonly forMs: number;
}

/** Each write: key, number, when it was done. */
export type WriteLog = [key: number, value: number, doneAt: number][];

export async function run({ port, prefix, keys, forMs }: Args): Promise<WriteLog> {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20 });
  redis.on('error', () => undefined);
  const cache = createCache({ redis, prefix, namespace: 'coherence', ttlMs: 600_000, deadlineMs: 2_000 });
  const log: WriteLog = [];
  const endsAt = Date.now() + forMs;
  for (let value = 1; Date.now() < endsAt; value += 1) {
    const key = Math.floor(Math.random() * keys);
    const isDone = await cache.set(`key-${key}`, value).catch(() => false);
    if (isDone) log.push([key, value, Date.now()]);
    await delay(Math.random() * 4);
  }
  redis.disconnect();
  return log;
}
