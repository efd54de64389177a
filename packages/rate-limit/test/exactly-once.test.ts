import { describe, expect, it } from '@jest/globals';
import { createRedis } from '@sallyport/core';
import { dedicatedCluster, dedicatedRedis, startProxy, uniquePrefix, until } from '@sallyport/testkit';
import { algorithms, type AlgorithmName } from '../src/algorithms/algorithms.js';
import { createLimiter } from '../src/limiter.js';
import { resolveOptions, type RateLimitOptions } from '../src/options.js';

// ioredis sends a command again when the connection broke before the reply came: the command may run twice. The peers count
// such a request twice (notes: 2 requests, counter 3).

/** So many per year that none is refilled during a test, and none rejected. */
const LIMIT = 100_000;
/** `npm run test:full` loses several hundred replies, `npm test` some twenty. */
const BATCHES = process.env['SALLYPORT_TEST'] === 'full' ? 240 : 24;
const names = Object.keys(algorithms) as AlgorithmName[];

function limiterFor(options: Pick<RateLimitOptions, 'redis'> & Partial<RateLimitOptions>) {
  const prefix = uniquePrefix('rate-limit-once');
  return createLimiter(
    resolveOptions({ limit: LIMIT, windowMs: 366 * 86_400_000, prefix, deadlineMs: 20_000, ...options }),
  );
}

describe.each(names)('%s on a client with the default settings of ioredis', (algorithm) => {
  it('charges a request once whose reply was lost', async () => {
    const proxy = await startProxy();
    let sent = 0;
    const limiter = limiterFor({ redis: proxy.client(), algorithm, limit: 3 });
    await limiter.consume('ann');
    proxy.dropReplies(({ name }) => name === 'evalsha' && (sent += 1) === 1);
    expect(await limiter.consume('ann')).toMatchObject({ isAllowed: true, remaining: 1, source: 'redis' });
    expect(sent).toBe(2);
    expect(await limiter.get('ann')).toMatchObject({ remaining: 1 });
  });

  it('admits the request that took the last place and whose reply was lost', async () => {
    const proxy = await startProxy();
    const limiter = limiterFor({ redis: proxy.client(), algorithm, limit: 1 });
    await limiter.get('ann');
    proxy.dropReplies(1);
    expect(await limiter.consume('ann')).toMatchObject({ isAllowed: true, remaining: 0 });
    expect(await limiter.consume('ann')).toMatchObject({ isAllowed: false });
  });

  it('charges each request once, fifty at a time, while one reply in 40 is lost', async () => {
    const proxy = await startProxy();
    // A short wait before the reconnection; what is sent again is not touched by it.
    const limiter = limiterFor({ redis: proxy.client({ retryStrategy: () => 1 }), algorithm });
    const keys = ['hot', 'hot', 'hot', 'ann', 'bob', 'eve'];
    const expected = new Map<string, number>();
    let random = 12_345;
    const nextRandom = () => (random = (random * 1_103_515_245 + 12_345) % 2 ** 31);
    let lost = 0;
    proxy.dropReplies(({ name }) => name === 'evalsha' && nextRandom() % 40 === 0 && (lost += 1) > 0);
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const decisions = Array.from({ length: 50 }, async () => {
        const key = keys[nextRandom() % keys.length] ?? 'hot';
        expected.set(key, (expected.get(key) ?? 0) + 1);
        expect(await limiter.consume(key)).toMatchObject({ isAllowed: true, source: 'redis' });
      });
      await Promise.all(decisions);
    }
    await proxy.heal();
    expect(lost).toBeGreaterThan(BATCHES / 3);
    for (const [key, count] of expected) {
      expect(await limiter.get(key)).toMatchObject({ key, remaining: LIMIT - count });
    }
  }, 120_000);
});

describe('a client of createRedis()', () => {
  it('sends nothing again: a lost reply is answered by the policy, and charged once', async () => {
    const proxy = await startProxy();
    let sent = 0;
    const redis = createRedis(proxy.url, { onError: () => undefined });
    const limiter = limiterFor({ redis, limit: 3 });
    await limiter.get('ann');
    proxy.dropReplies(({ name }) => name === 'evalsha' && (sent += 1) === 1);
    expect(await limiter.consume('ann')).toMatchObject({ source: 'local', isAllowed: true });
    await until(async () => (await limiter.get('ann'))?.remaining === 2);
    redis.disconnect();
  });
});

describe('scripts that Redis does not know', () => {
  it('are charged once per request when SCRIPT FLUSH falls between many of them', async () => {
    const server = await dedicatedRedis();
    const [one, two, admin] = [server.client(), server.client(), server.client()];
    const limiters = [
      limiterFor({ redis: one, name: 'n', prefix: 'p:' }),
      limiterFor({ redis: two, name: 'n', prefix: 'p:' }),
    ];
    const decisions: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round += 1) {
      for (const limiter of limiters) for (let n = 0; n < 5; n += 1) decisions.push(limiter.consume('hot'));
      if (round % 10 === 5) await admin.script('FLUSH');
    }
    await Promise.all(decisions);
    expect(await limiters[0]?.get('hot')).toMatchObject({ remaining: LIMIT - 400 });
  });
});

describe('a Redis Cluster', () => {
  it('counts keys in their slots, whatever braces they hold', async () => {
    const cluster = await dedicatedCluster();
    const limiter = limiterFor({ redis: cluster.client(), limit: 2, prefix: 'rl:', name: 'n' });
    for (const key of ['ann', '{bob}', '}{', 'x{y}z']) {
      expect(await limiter.consume(key)).toMatchObject({ isAllowed: true, source: 'redis' });
      expect(await limiter.consume(key)).toMatchObject({ isAllowed: true, remaining: 0 });
      expect(await limiter.consume(key)).toMatchObject({ isAllowed: false });
    }
    expect(await limiter.clear()).toBe(4);
  }, 60_000);
});
