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
import type { Redis } from 'ioredis';
import { runInThisContext } from 'node:vm';
import { createRateLimiter, type RateLimitEvent, type RateLimiter, type RateLimiterOptions } from '../src/index.js';

// Each way in which Redis fails, on a client of `createRedis()` and on one with the defaults of ioredis but for a
// reconnection every 50 ms: every decision ends in time by its policy, Redis decides again within a second of its return,
// and no promise is rejected that nobody handles.

const DEADLINE = 50;
/** A decision ends 50 ms after its deadline at the latest. */
const LATEST = DEADLINE + 50;
const RECOVERY = 1_000;
/** A busy machine may be late with any timer: then it is measured again, so many times in all. */
const MEASUREMENTS = 3;

let server: DedicatedRedis;
let proxy: FaultProxy;
let admin: Redis;
let events: RateLimitEvent[];

// The `process` of a Jest file is a copy, to whose listeners nobody speaks; this is the one that hears of rejections.
const realProcess = runInThisContext('process') as NodeJS.Process;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  // Jest's own listener is there: this is the right process.
  expect(realProcess.listenerCount('unhandledRejection')).toBeGreaterThan(0);
  realProcess.on('unhandledRejection', onUnhandled);
  server = await dedicatedRedis();
  proxy = await startProxy({ port: server.port });
  admin = server.client();
});

beforeEach(() => {
  events = [];
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  // Rejections are reported after the microtasks of the turn in which they happened.
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});

afterAll(() => {
  realProcess.off('unhandledRejection', onUnhandled);
});

const clients: { disconnect(): void }[] = [];

/** The clients through the proxy that the matrix is run with. */
const clientKinds = [
  { kind: 'createRedis()', connect: () => tracked(createRedis(proxy.url, { onError: () => undefined })) },
  { kind: 'ioredis by default', connect: () => proxy.client({ retryStrategy: () => 50 }) },
];

function tracked<Client extends { disconnect(): void }>(client: Client): Client {
  clients.push(client);
  return client;
}

function create(options: Partial<RateLimiterOptions> = {}): RateLimiter {
  return createRateLimiter({
    redis: options.redis ?? proxy.client({ retryStrategy: () => 50 }),
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

/** Waits until Redis decides, and tells how long that took. */
async function recovery(limiter: RateLimiter, timeoutMs = 5_000): Promise<number> {
  const started = performance.now();
  await until(async () => (await limiter.consume('ann')).outcome === 'allowed', { timeoutMs, everyMs: 10 });
  return performance.now() - started;
}

/** Measures until `isGood`, at most {@link MEASUREMENTS} times; gives the last one. */
async function measured<Result>(measure: () => Promise<Result>, isGood: (result: Result) => boolean): Promise<Result> {
  let result = await measure();
  for (let attempt = 1; attempt < MEASUREMENTS && !isGood(result); attempt += 1) result = await measure();
  return result;
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

describe.each(clientKinds)('a client of $kind', ({ connect }) => {
  describe.each(faults)('when Redis $name', ({ begin, end }) => {
    afterEach(() => proxy.heal());

    it.each([
      ['local', true],
      ['open', true],
      ['closed', false],
    ] as const)(
      'ends every decision within 50 ms of its deadline by the policy %s, and recovers within a second',
      async (onStoreFailure, isAllowed) => {
        const redis = connect();

        async function failAndRecover() {
          // Each time a new breaker: the first decisions of an outage wait, the later ones do not.
          const limiter = create({ redis, onStoreFailure });
          await recovery(limiter);
          let slowest = 0;
          await begin();
          try {
            for (let round = 0; round < 4; round += 1) {
              const started = performance.now();
              const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.consume('ann')));
              slowest = Math.max(slowest, performance.now() - started);
              for (const decision of decisions) {
                expect(decision).toMatchObject({ outcome: 'degraded', isAllowed, reason: 'store-failure' });
                expect(decision.policies.length).toBe(onStoreFailure === 'local' ? 2 : 0);
              }
            }
          } finally {
            await end();
          }
          return { slowest, recoveryMs: await recovery(limiter) };
        }

        const { slowest, recoveryMs } = await measured(
          failAndRecover,
          (result) => result.slowest <= LATEST && result.recoveryMs <= RECOVERY,
        );
        expect(slowest).toBeLessThanOrEqual(LATEST);
        expect(recoveryMs).toBeLessThanOrEqual(RECOVERY);
        expect(events.some(({ type }) => type === 'store-failure')).toBe(true);
        await expectTtlOnAllKeys(admin, 'matrix:');
      },
      30_000,
    );
  });
});

describe.each(clientKinds)('when Redis is down at the start of a client of $kind', ({ connect }) => {
  afterEach(() => proxy.heal());

  it('decides by the policy, and by Redis within a second of its coming', async () => {
    async function startAndRecover() {
      await proxy.refuse();
      const limiter = create({ redis: connect() });
      const started = performance.now();
      expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded', isAllowed: true });
      const slowest = performance.now() - started;
      await proxy.heal();
      return { slowest, recoveryMs: await recovery(limiter) };
    }
    const { slowest, recoveryMs } = await measured(
      startAndRecover,
      (result) => result.slowest <= LATEST && result.recoveryMs <= RECOVERY,
    );
    expect(slowest).toBeLessThanOrEqual(LATEST);
    expect(recoveryMs).toBeLessThanOrEqual(RECOVERY);
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
    const slowest = await measured(
      async () => {
        const started = performance.now();
        expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded', isAllowed: true });
        return performance.now() - started;
      },
      (ms) => ms <= LATEST,
    );
    expect(slowest).toBeLessThanOrEqual(LATEST);
    await writer.config('SET', 'key-load-delay', '0');
    await until(
      async () =>
        writer.call('REPLICAOF', 'NO', 'ONE').then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    );
    await until(async () => (await limiter.consume('ann')).outcome === 'allowed', { timeoutMs: 1_000, everyMs: 20 });
  }, 40_000);
});

describe('when scripts are flushed in the middle', () => {
  it('decides by Redis without a failure', async () => {
    // How long that takes is not the matter here: emptying and compiling scripts is slow on a busy machine.
    const limiter = create({ deadlineMs: 10_000 });
    await until(async () => (await limiter.consume('ann')).outcome === 'allowed');
    for (let round = 0; round < 10; round += 1) {
      await admin.script('FLUSH');
      const decisions = await Promise.all(Array.from({ length: 5 }, () => limiter.consume('ann')));
      expect(decisions.every(({ outcome }) => outcome === 'allowed')).toBe(true);
    }
  });
});
