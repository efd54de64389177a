// `npm run bench:decisions`: what one decision under three policies costs, without HTTP: `createRateLimiter()` beside
// rate-limiter-flexible's `RateLimiterUnion` of three, in one run, rounds interleaved. Prints medians and ratios.

import { startRedis, type RedisServer } from '@sallyport/redis-server';
import { createRateLimiter, type PolicyOptions } from '@sallyport/rate-limit';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible';
import { median, shuffled } from './statistics.js';
import { formatTable } from './table.js';

const IN_FLIGHT = 64;
const CLIENTS = 20_000;
const DECISIONS = 60_000;
const ROUNDS = 5;
/** As in the README of rate-limit. Nobody reaches them here, so that every decision charges. */
const POLICIES = [
  { name: 'burst', limit: 20, windowMs: 1_000 },
  { name: 'minute', limit: 300, windowMs: 60_000 },
  { name: 'day', limit: 5_000, windowMs: 86_400_000 },
] as const;

/** Gives what decides about one client, on a client of its own. */
type Contender = (redis: Redis) => (key: string) => Promise<unknown>;

const sallyport =
  (algorithm: NonNullable<PolicyOptions['algorithm']>): Contender =>
  (redis) => {
    const policies = POLICIES.map((policy) => ({ ...policy, algorithm }));
    const limiter = createRateLimiter({ redis, name: 'bench', policies, deadlineMs: 5_000, onStoreFailure: 'closed' });
    return async (key) => {
      const decision = await limiter.consume(key);
      if (decision.outcome !== 'allowed') throw new Error(`A decision was ${decision.outcome}`);
    };
  };

const PEER = 'rate-limiter-flexible, union of 3';
const CONTENDERS: Readonly<Record<string, Contender>> = {
  'sallyport, 3 ring': sallyport('ring'),
  'sallyport, 3 token-bucket': sallyport('token-bucket'),
  [PEER]: (redis) => {
    const limiters = POLICIES.map(
      ({ name, limit, windowMs }) =>
        new RateLimiterRedis({ storeClient: redis, keyPrefix: name, points: limit, duration: windowMs / 1_000 }),
    );
    const union = new RateLimiterUnion(...limiters);
    return (key) => union.consume(key);
  },
};

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly redisMicros: number;
  readonly bytesPerClient: number;
}

async function measure(server: RedisServer, contender: Contender): Promise<Measured> {
  const redis = new Redis(server.url);
  await redis.flushall();
  const before = await usedMemory(redis);
  const decide = contender(redis);
  // The first pass compiles and gives every client its state; what it leaves in Redis is the memory per client.
  await decideAll(decide, CLIENTS);
  const bytesPerClient = ((await usedMemory(redis)) - before) / CLIENTS;
  await redis.config('RESETSTAT');
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await decideAll(decide, DECISIONS);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const redisMicros = await scriptMicros(redis);
  redis.disconnect();
  return {
    perSecond: DECISIONS / seconds,
    cpuMicros: (user + system) / DECISIONS,
    redisMicros: redisMicros / DECISIONS,
    bytesPerClient,
  };
}

async function decideAll(decide: (key: string) => Promise<unknown>, count: number): Promise<void> {
  let next = 0;
  async function worker(): Promise<void> {
    while (next < count) {
      const client = next % CLIENTS;
      next += 1;
      await decide(`10.0.${client >> 8}.${client & 255}`);
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

/** Time that Redis spent in scripts, µs. */
async function scriptMicros(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  return [...stats.matchAll(/^cmdstat_evalsha?:calls=\d+,usec=(\d+)/gm)].reduce(
    (sum, [, usec]) => sum + Number(usec),
    0,
  );
}

const server = await startRedis();
try {
  const results = new Map<string, Measured[]>(Object.keys(CONTENDERS).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, contender] of shuffled(Object.entries(CONTENDERS)))
      results.get(name)?.push(await measure(server, contender));
  }
  const middle = (name: string, field: keyof Measured) => median((results.get(name) ?? []).map((run) => run[field]));
  const titles = ['three policies', 'decisions ×', 'decisions/s', 'CPU µs', 'Redis µs', 'bytes/client'];
  const rows = Object.keys(CONTENDERS).map((name) => [
    name,
    (middle(name, 'perSecond') / middle(PEER, 'perSecond')).toFixed(2),
    middle(name, 'perSecond').toFixed(0),
    middle(name, 'cpuMicros').toFixed(1),
    middle(name, 'redisMicros').toFixed(1),
    middle(name, 'bytesPerClient').toFixed(0),
  ]);
  console.log(formatTable(titles, rows));
  console.log(
    `\ndecisions ×: divided by the peer's. Medians of ${ROUNDS} rounds, ${CLIENTS} clients, Node ${process.version}.`,
  );
} finally {
  await server.stop();
}
