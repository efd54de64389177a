import { afterAll, describe, expect, it } from '@jest/globals';
import { createRedis } from '@sallyport/core';
import { connect, dedicatedCluster, dedicatedRedis, startProxy, uniquePrefix, until, within } from '@sallyport/testkit';
import type { AlgorithmName } from '../src/index.js';
import type { Redis, RedisOptions } from 'ioredis';
import { createRateLimiter, type RateLimiterOptions } from '../src/index.js';
import { clientLibraries } from './client-libraries.js';

// ioredis sends a command again when the connection broke before the reply came: the command would run twice. The peers count
// such a request twice (notes: 2 requests, counter 3). Here the second sending is a PING.

const LIMIT = 9_000;
/** Replies lost in all: `npm run test:full` loses ten thousand, `npm test` some. */
const LOST = process.env['SALLYPORT_TEST'] === 'full' ? 10_000 : 60;
const names: AlgorithmName[] = ['ring', 'token-bucket', 'gcra', 'fixed-window', 'sliding-window', 'sliding-log'];

function limiterFor(options: Pick<RateLimiterOptions, 'redis'> & Partial<RateLimiterOptions>) {
  const { limit = LIMIT, algorithm = 'ring', ...rest } = options;
  const policies = [
    { name: 'p', limit, windowMs: 300 * 86_400_000, algorithm, ...(algorithm === 'gcra' ? { burst: limit } : {}) },
  ];
  return createRateLimiter({ policies, prefix: uniquePrefix('rate-limit-once'), onStoreFailure: 'closed', ...rest });
}

const remainingOf = async (limiter: ReturnType<typeof limiterFor>, key: string) =>
  (await limiter.get(key))?.policies[0]?.remaining ?? LIMIT;

describe.each(clientLibraries)('$library', ({ module }) => {
  const clients: Redis[] = [];
  afterAll(() => {
    for (const client of clients) client.disconnect();
  });

  function clientOf(url: string, options: RedisOptions): Redis {
    const client = new module.Redis(url, { disconnectTimeout: 100, ...options } as RedisOptions & {
      replyMapping?: 'legacy';
    });
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  describe.each([
    ['default settings of ioredis', {}],
    ['commandTimeout', { commandTimeout: 30 }],
    ['no offline queue', { enableOfflineQueue: false }],
  ] as const)('a client with %s', (_name, settings) => {
    it('charges a request once whose reply was lost, by each algorithm', async () => {
      const proxy = await startProxy();
      const redis = clientOf(proxy.url, { retryStrategy: () => 5, ...settings });
      const direct = connect();
      await until(async () => (await redis.ping().catch(() => '')) === 'PONG');
      for (const algorithm of names) {
        const prefix = uniquePrefix('rate-limit-once');
        const limiter = limiterFor({ redis, algorithm, prefix });
        // Looks by a client that has time: the one under test may give up after 30 ms.
        const auditor = limiterFor({ redis: direct, algorithm, prefix, deadlineMs: 10_000 });
        await until(async () => (await limiter.consume('ann')).outcome === 'allowed');
        const before = await remainingOf(auditor, 'ann');
        let lost = 0;
        proxy.dropReplies(({ name }) => name === 'evalsha' && (lost += 1) === 1);
        expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded' });
        // What ioredis sends again, it sends before anything new.
        await until(async () => (await redis.ping().catch(() => '')) === 'PONG');
        expect({ algorithm, remaining: await remainingOf(auditor, 'ann') }).toEqual({
          algorithm,
          remaining: before - 1,
        });
      }
    });
  });

  describe('many decisions while replies are lost', () => {
    it(`charges each that was executed once: ${LOST} lost replies, no promise unsettled`, async () => {
      const proxy = await startProxy();
      // The defaults of ioredis, but for a reconnection that does not dawdle: commands are sent again.
      const redis = clientOf(proxy.url, { retryStrategy: () => 1 });
      const options = { prefix: uniquePrefix('rate-limit-once'), algorithm: 'ring' } as const;
      const auditor = limiterFor({ redis: proxy.client(), deadlineMs: 10_000, ...options });
      // Each decision has a key of its own: what is counted there is how often it was charged.
      const answered = new Map<string, boolean>();
      const executed = new Set<string>();
      let random = 12_345;
      const nextRandom = () => (random = (random * 1_103_515_245 + 12_345) % 2 ** 31);
      const lost: string[] = [];
      await limiterFor({ redis, deadlineMs: 5_000, ...options }).get('warm-up');
      proxy.dropReplies(({ name, args }) => {
        if (name !== 'evalsha') return false;
        executed.add(/\{(.*)\}/.exec(args[2] ?? '')?.[1] ?? '');
        if (nextRandom() % 8 !== 0) return false;
        lost.push(name);
        return true;
      });
      while (lost.length < LOST) {
        await until(async () => redis.status === 'ready', { everyMs: 1 });
        // A breaker of its own, or most decisions would not be sent.
        const limiter = limiterFor({ redis, deadlineMs: 25, ...options });
        const batch = Array.from({ length: 10 }, async (_, index) => {
          const key = `decision-${answered.size}-${index}`;
          answered.set(key, false);
          answered.set(key, (await limiter.consume(key)).outcome === 'allowed');
        });
        await within(5_000, Promise.all(batch));
      }
      await proxy.heal();
      // What ioredis sends again, it sends before anything new.
      await until(async () => (await redis.ping()) === 'PONG');
      const wrong: string[] = [];
      for (const [key, isAnswered] of answered) {
        const charges = LIMIT - (await remainingOf(auditor, key));
        if (charges > 1 || (charges === 0 && (isAnswered || executed.has(key)))) wrong.push(`${key}: ${charges}`);
      }
      expect(wrong).toEqual([]);
      expect(executed.size).toBeGreaterThanOrEqual(LOST);
    }, 900_000);
  });
});

describe('a client of createRedis()', () => {
  it('answers a lost reply by the policy, and has charged it once', async () => {
    const proxy = await startProxy();
    let sent = 0;
    const redis = createRedis(proxy.url, { onError: () => undefined });
    const limiter = limiterFor({ redis });
    await limiter.get('ann');
    proxy.dropReplies(({ name }) => name === 'evalsha' && (sent += 1) === 1);
    expect(await limiter.consume('ann')).toMatchObject({ outcome: 'degraded' });
    await until(async () => (await remainingOf(limiter, 'ann')) === LIMIT - 1);
    redis.disconnect();
  });
});

describe('scripts that Redis does not know', () => {
  it('are charged once per request when SCRIPT FLUSH falls between many of them', async () => {
    const server = await dedicatedRedis();
    const [one, two, admin] = [server.client(), server.client(), server.client()];
    const limiters = [one, two].map((redis) => limiterFor({ redis, name: 'n', prefix: 'p:', deadlineMs: 10_000 }));
    const decisions: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round += 1) {
      for (const limiter of limiters) for (let n = 0; n < 5; n += 1) decisions.push(limiter.consume('hot'));
      if (round % 10 === 5) await admin.script('FLUSH');
    }
    await Promise.all(decisions);
    const [limiter] = limiters;
    expect(limiter && (await remainingOf(limiter, 'hot'))).toBe(LIMIT - 400);
  });
});

describe('a Redis Cluster', () => {
  it('counts keys in their slots, whatever braces they hold, and follows MOVED', async () => {
    const cluster = await dedicatedCluster();
    const redis = cluster.client();
    const limiter = limiterFor({ redis, limit: 2, prefix: 'rl:', name: 'n', deadlineMs: 10_000, deniedCacheMs: 0 });
    await limiter.consume('warm-up');
    // A client that has the slots wrong sends each command to the wrong node first.
    Reflect.set(redis, 'slots', Reflect.get(redis, 'slots').toReversed());
    for (const key of ['ann', '{bob}', '}{', 'x{y}z']) {
      expect(await limiter.consume(key)).toMatchObject({ outcome: 'allowed', policies: [{ remaining: 1 }] });
      expect(await limiter.consume(key)).toMatchObject({ outcome: 'allowed', policies: [{ remaining: 0 }] });
      expect(await limiter.consume(key)).toMatchObject({ outcome: 'denied' });
    }
    expect(await limiter.clear()).toBe(5);
  }, 60_000);
});
