import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createRedis } from '@sallyport/core';
import {
  dedicatedRedis,
  expectTtlOnAllKeys,
  startProxy,
  until,
  type DedicatedRedis,
  type FaultProxy,
} from '@sallyport/testkit';
import { Redis } from 'ioredis';
import { setTimeout } from 'node:timers/promises';
import { createRateLimiter, type RateLimitEvent } from '../src/index.js';

// Each way in which Redis fails, on a client of `createRedis()` and on one with the defaults of ioredis but for a
// reconnection every 50 ms: every decision ends in time by its policy, Redis decides again within a second of its return,
// and no promise is rejected that nobody handles.

const DEADLINE = 50;
/** A decision ends 50 ms after its deadline at the latest. */
const LATEST = DEADLINE + 50;
const RECOVERY = 1_000;
/** A busy machine may be late with any timer: the best of so many measurements counts. */
const MEASUREMENTS = 3;

let server: DedicatedRedis;
let proxy: FaultProxy;
let admin: Redis;
let events: RateLimitEvent[];

beforeAll(async () => {
  server = await dedicatedRedis();
  proxy = await startProxy({ port: server.port });
  admin = server.client();
});

beforeEach(() => {
  events = [];
});

function create(options: { onStoreFailure?: 'local' | 'open' | 'closed' } = {}) {
  const redis = proxy.client({ retryStrategy: () => 50 });
  return createRateLimiter({
    redis,
    policies: [
      { name: 'second', limit: 1_000, windowMs: 1_000 },
      { name: 'day', limit: 100_000, windowMs: 86_400_000, algorithm: 'token-bucket' },
    ],
    prefix: 'matrix:',
    deadlineMs: DEADLINE,
    onEvent: (event) => void events.push(event),
    ...options,
  });
}

interface Fault {
  readonly name: string;
  readonly begin: () => unknown;
  readonly end: () => unknown;
}

const faults: Fault[] = [
  { name: 'refuses connections', begin: () => proxy.refuse(), end: () => proxy.heal() },
  { name: 'swallows everything', begin: () => proxy.blackHole(), end: () => proxy.heal() },
  { name: 'is paused', begin: () => server.pause(), end: () => server.resume() },
  {
    name: 'is a read-only replica (READONLY)',
    begin: () => admin.call('REPLICAOF', '127.0.0.1', '1'),
    end: () => admin.call('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'is out of memory (OOM)',
    begin: () => admin.config('SET', 'maxmemory', '1'),
    end: () => admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'is busy with a script (BUSY)',
    async begin() {
      await admin.config('SET', 'busy-reply-threshold', '1');
      const busy = server.client();
      busy.call('eval', 'while true do end', 0).catch(() => undefined);
      await until(async () =>
        admin.ping().then(
          () => false,
          (error: Error) => error.message.startsWith('BUSY'),
        ),
      );
    },
    end: () => admin.script('KILL'),
  },
];

describe.each(faults)('when Redis $name', ({ begin, end }) => {
  afterEach(() => proxy.heal());

  it.each([
    ['local', true],
    ['open', true],
    ['closed', false],
  ] as const)(
    'ends every decision in time by the policy %s, and recovers within a second',
    async (onStoreFailure, isAllowed) => {
      const limiter = create({ onStoreFailure });
      await until(async () => (await limiter.consume('ann')).outcome === 'allowed');
      await begin();
      try {
        for (let round = 0; round < 4; round += 1) {
          const started = performance.now();
          const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.consume('ann')));
          expect(performance.now() - started).toBeLessThan(LATEST);
          for (const decision of decisions) {
            expect(decision).toMatchObject({ outcome: 'degraded', isAllowed, reason: 'store-failure' });
            expect(decision.policies.length).toBe(onStoreFailure === 'local' ? 2 : 0);
          }
        }
      } finally {
        await end();
      }
      await until(async () => (await limiter.consume('ann')).outcome === 'allowed', { timeoutMs: 1_000, everyMs: 20 });
      expect(events.some(({ type }) => type === 'store-failure')).toBe(true);
      await expectTtlOnAllKeys(admin, 'matrix:');
    },
  );
});

describe('when Redis is down at the start', () => {
  it('decides by the policy, and by Redis once it is there', async () => {
    await proxy.refuse();
    const limiter = create();
    const started = performance.now();
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded', isAllowed: true });
    expect(performance.now() - started).toBeLessThan(LATEST);
    await proxy.heal();
    await until(async () => (await limiter.consume('ann')).outcome === 'allowed', { timeoutMs: 1_000, everyMs: 20 });
  });
});

describe('when Redis loads its data (LOADING)', () => {
  it('decides by the policy, and by Redis once it has loaded', async () => {
    const loading = await dedicatedRedis();
    const writer = loading.client();
    const limiter = createRateLimiter({ redis: loading.client(), limit: 1_000, windowMs: 60_000, prefix: 'loading:' });
    await until(async () => (await limiter.consume('ann')).outcome === 'allowed');
    await writer.call('eval', "for i = 1, 20000 do redis.call('SET', 'filler:' .. i, 'x') end", 0);
    // So many µs per key: DEBUG RELOAD itself is not allowed, but a replica of itself loads by the same code.
    await writer.config('SET', 'key-load-delay', '100', 'loading-process-events-interval-bytes', '1024');
    const source = await dedicatedRedis();
    await source.client().call('eval', "for i = 1, 20000 do redis.call('SET', 'filler:' .. i, 'x') end", 0);
    await writer.call('REPLICAOF', source.host, source.port);
    await until(async () => (await limiter.consume('ann')).outcome === 'degraded', { timeoutMs: 10_000 });
    const started = performance.now();
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded', isAllowed: true });
    expect(performance.now() - started).toBeLessThan(LATEST);
    await writer.config('SET', 'key-load-delay', '0');
    await until(
      async () =>
        writer.call('REPLICAOF', 'NO', 'ONE').then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    );
    await until(async () => (await limiter.consume('ann')).outcome === 'allowed', { timeoutMs: 5_000, everyMs: 20 });
  }, 40_000);
});

describe('when scripts are flushed in the middle', () => {
  it('decides by Redis without a failure', async () => {
    const limiter = create();
    await until(async () => (await limiter.consume('ann')).outcome === 'allowed');
    for (let round = 0; round < 10; round += 1) {
      await admin.script('FLUSH');
      const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.consume('ann')));
      expect(decisions.every(({ outcome }) => outcome === 'allowed')).toBe(true);
    }
  });
});
