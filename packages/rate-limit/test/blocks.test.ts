import { describe, expect, it } from '@jest/globals';
import {
  connect,
  countCommands,
  dedicatedRedis,
  listen,
  runProcesses,
  startProxy,
  uniquePrefix,
} from '@sallyport/testkit';
import express from 'express';
import { createRateLimiter, rateLimit, type RateLimitEvent, type RateLimitOptions } from '../src/index.js';
import type { HotKeyArguments, HotKeyCounts } from './blocks.worker.js';

// Blocks of permits with a real Redis; what they promise over time is in permit-blocks.test.ts.

const redis = connect();
const DAY = 86_400_000;

function create(options: Partial<Parameters<typeof createRateLimiter>[0]> = {}) {
  const events: RateLimitEvent[] = [];
  const limiter = createRateLimiter({
    redis,
    policies: [
      { name: 'day', limit: 100_000, windowMs: DAY },
      { name: 'month', limit: 1_000_000, windowMs: 30 * DAY, algorithm: 'fixed-window' },
    ],
    prefix: uniquePrefix('rate-limit-blocks'),
    deadlineMs: 5_000,
    blocks: { size: 50, holdMs: 20_000 },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const heat = async () => {
    for (let asked = 0; asked < 4 * 50; asked += 1) await limiter.consume('ann');
    events.length = 0;
  };
  const remaining = async () => (await limiter.get('ann'))?.policies.map((policy) => policy.remaining);
  return { limiter, events, heat, remaining };
}

describe('createRateLimiter() with blocks', () => {
  it('takes at most one command for each block of decisions about a hot key', async () => {
    const { limiter, heat, remaining } = create();
    await heat();
    const used = await countCommands(redis, async () => {
      for (let asked = 0; asked < 2_000; asked += 1) expect((await limiter.consume('ann')).isAllowed).toBe(true);
    });
    expect(used.total).toBeLessThanOrEqual(2_000 / 50);
    // All that was admitted is counted, and what is still held: at most one block.
    const [day = 0, month = 0] = (await remaining()) ?? [];
    expect(100_000 - day).toBeGreaterThanOrEqual(2_200);
    expect(100_000 - day).toBeLessThan(2_200 + 50);
    expect(1_000_000 - month).toBe(100_000 - day);
  });

  it('reports where a decision was made, and what this process knows to be left', async () => {
    const { limiter, heat, events } = create();
    await heat();
    const first = await limiter.consume('ann');
    const before = first.policies[0]?.remaining ?? 0;
    const second = await limiter.consume('ann');
    expect(second).toMatchObject({ outcome: 'allowed', key: 'ann', cost: 1, retryAfterMs: 0 });
    expect(second.policies.map(({ remaining }) => remaining)).toEqual([before - 1, before + 900_000 - 1]);
    expect(events.at(-1)).toMatchObject({ type: 'allowed', source: 'block' });
  });

  it('charges other costs, reservations and policies of one call alone', async () => {
    const { limiter, heat } = create();
    await heat();
    await limiter.consume('ann');
    const used = await countCommands(redis, async () => {
      await limiter.consume('ann', { cost: 2 });
      await limiter.reserve('ann', 1);
      await limiter.consume('ann', { policies: [{ name: 'p', limit: 5, windowMs: DAY }] });
    });
    expect(used.total).toBe(3);
  });

  it('forgets a block by ban() and delete()', async () => {
    const { limiter, heat, remaining } = create();
    await heat();
    await limiter.consume('ann');
    await limiter.ban('ann', 60_000);
    expect(await limiter.consume('ann')).toMatchObject({ reason: 'banned' });
    expect(await limiter.delete('ann')).toBe(true);
    await limiter.consume('ann');
    expect(await remaining()).toEqual([99_999, 999_999]);
  });

  it('goes on with what it holds when Redis is gone, and then decides by the policy', async () => {
    const proxy = await startProxy();
    const { limiter, heat } = create({ redis: proxy.client({ retryStrategy: () => 20 }), onStoreFailure: 'closed' });
    // The last of these requests has bought a block.
    await heat();
    await proxy.refuse();
    for (let asked = 1; asked < 50; asked += 1) expect((await limiter.consume('ann')).outcome).toBe('allowed');
    const decisions = await Promise.all(Array.from({ length: 60 }, () => limiter.consume('ann')));
    expect(decisions.every(({ outcome, isAllowed }) => outcome === 'degraded' && !isAllowed)).toBe(true);
  });
});

describe('rateLimit() with blocks', () => {
  it('answers requests of a hot client without a command', async () => {
    const app = express();
    app.use(
      rateLimit({
        redis,
        limit: 100_000,
        windowMs: DAY,
        prefix: uniquePrefix('rate-limit-blocks'),
        deadlineMs: 5_000,
        blocks: { size: 10, holdMs: 20_000 },
      }),
    );
    app.get('/', (_req, res) => void res.end('ok'));
    const { url } = await listen(app);
    for (let asked = 0; asked < 41; asked += 1) await fetch(url);
    const used = await countCommands(redis, async () => {
      for (let asked = 0; asked < 100; asked += 1) {
        const response = await fetch(url);
        expect(response.headers.get('x-ratelimit-limit')).toBe('100000');
      }
    });
    expect(used.total).toBeLessThanOrEqual(100 / 10);
  });

  it.each<[Partial<RateLimitOptions>, string, string]>([
    [{ blocks: { size: 1 } }, 'blocks.size', '1'],
    [{ blocks: { size: 10_001 } }, 'blocks.size', '10001'],
    [{ blocks: { size: 11 } }, 'blocks.size', '11'],
    [{ blocks: { size: 5, holdMs: 0 } }, 'blocks.holdMs', '0'],
    [{ blocks: { size: 5, holdMs: Number.NaN } }, 'blocks.holdMs', 'NaN'],
    [{ algorithm: 'token-bucket' }, 'blocks', "'token-bucket'"],
    [{ algorithm: 'sliding-log' }, 'blocks', "'sliding-log'"],
    [{ algorithm: 'concurrency' }, 'blocks', "'concurrency'"],
    [{ penalty: { strikes: 1, windowMs: 1, banMs: 1, maxBanMs: 1 } }, 'blocks', 'penalty'],
    [{ policies: () => [], limit: undefined, windowMs: undefined }, 'blocks', 'function'],
    [{ cost: 2 }, 'cost', '2'],
    [{ cost: { estimate: 1, actual: () => 1 } }, 'cost', 'estimate'],
  ])('refuses %j, naming the option and the value', (options, option, shown) => {
    const make = () => rateLimit({ redis, limit: 10, windowMs: 1_000, blocks: { size: 5 }, ...options });
    expect(make).toThrow(`option \`${option}\``);
    expect(make).toThrow(shown);
  });
});

describe('four processes with blocks of one hot key', () => {
  it.each(['ring', 'fixed-window'] as const)(
    'never admit more than the limit, and nearly all of it: %s',
    async (algorithm) => {
      const server = await dedicatedRedis();
      const { host, port } = server;
      const limit = 10_000;
      const blocks = { size: 20, holdMs: 20_000 };
      const args: HotKeyArguments = { host, port, algorithm, limit, requests: 4_000, blocks };
      const module = new URL('blocks.worker.ts', import.meta.url);
      const processes = await runProcesses<HotKeyCounts>({ module, count: 4, args, timeoutMs: 80_000 });
      const sum = (pick: (counts: HotKeyCounts) => number) => processes.reduce((all, counts) => all + pick(counts), 0);
      expect(sum(({ admitted }) => admitted)).toBeLessThanOrEqual(limit);
      expect(sum(({ admitted }) => admitted)).toBeGreaterThan(0.95 * limit);
      expect(sum(({ fromBlocks }) => fromBlocks)).toBeGreaterThan(0);
    },
    90_000,
  );
});
