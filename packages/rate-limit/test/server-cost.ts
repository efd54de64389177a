// Prints what a decision costs the server: `node --conditions=@sallyport/source --import tsx test/server-cost.ts [clients]`.
// Figures and not assertions: they are the machine's as much as the script's.

import { buildKey } from '@sallyport/core';
import { dedicatedRedis } from '@sallyport/testkit';
import { Redis } from 'ioredis';
import { argumentsFor, decideScript } from '../src/decide-command.js';
import { resolvePolicies, type PolicyOptions } from '../src/policies.js';
import type { AlgorithmName } from '../src/algorithms/algorithms.js';

const clients = Number(process.argv[2] ?? 200_000);
const decisions = 2 * clients;
const windows = [
  { name: 'second', limit: 20, windowMs: 1_000 },
  { name: 'minute', limit: 300, windowMs: 60_000 },
  { name: 'day', limit: 5_000, windowMs: 86_400_000 },
];
const three = (algorithm: AlgorithmName): PolicyOptions[] => windows.map((window) => ({ ...window, algorithm }));
const mixed = (['ring', 'token-bucket', 'fixed-window'] as const).map((algorithm, index) => ({
  ...windows[index]!,
  algorithm,
}));
const cases: Record<string, PolicyOptions[]> = {
  '3 ring': three('ring'),
  '3 token-bucket': three('token-bucket'),
  '3 fixed-window': three('fixed-window'),
  '3 sliding-window': three('sliding-window'),
  'ring + token-bucket + fixed-window': mixed,
  '1 ring': three('ring').slice(1, 2),
  '1 token-bucket': three('token-bucket').slice(1, 2),
};

const server = await dedicatedRedis();
const redis = new Redis(server.url);
const addressOf = (client: number) => `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`;
const memory = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);

for (const [name, policies] of Object.entries(cases)) {
  await redis.flushall();
  await redis.config('RESETSTAT');
  const before = await memory();
  const set = resolvePolicies(policies, 'default');
  const args = argumentsFor(set, { mode: 'consume', cost: 1 });
  const started = performance.now();
  for (let sent = 0; sent < decisions; sent += 200) {
    const batch = Array.from({ length: 200 }, (_, index) => {
      return decideScript.run(redis, [buildKey(`rate-limit:${set.id}`, addressOf((sent + index) % clients))], args);
    });
    await Promise.all(batch);
  }
  const seconds = (performance.now() - started) / 1000;
  const micros = /cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(await redis.info('commandstats'))?.[1];
  const size = await redis.dbsize();
  const key = String(await redis.randomkey());
  process.stdout.write(
    `${name}: ${micros} µs/decision, ${(((await memory()) - before) / size).toFixed(0)} B/client (${size} keys of ${key.length} characters, values of ${await redis.strlen(key)} B), ${(decisions / seconds / 1000).toFixed(1)} k/s\n`,
  );
}
redis.disconnect();
await server.stop();
