import { describe, expect, it } from '@jest/globals';
import { deferred, until } from '@sallyport/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { drawRefreshAt } from '../src/refresh-ahead.js';
import { cacheFixture } from './fixture.js';

describe('drawRefreshAt()', () => {
  const entry = { storedAtMs: 1_000, freshMs: 500, costMs: 100, softAtMs: 0 };

  it('is the end of freshness for the last draw, and one cost ahead of it for a draw of 1/e', () => {
    expect(drawRefreshAt(entry, 1)).toBe(1_500);
    expect(drawRefreshAt(entry, 1 / Math.E)).toBeCloseTo(1_400);
    expect(drawRefreshAt({ ...entry, costMs: 0 }, 0.001)).toBe(1_500);
  });
});

describe('getOrSet()', () => {
  it('loads a key that is read all the time anew before it ends, and blocks no reader', async () => {
    const { cache, events } = cacheFixture();
    let runs = 0;
    const load = async () => {
      runs += 1;
      await delay(100);
      return runs;
    };
    await cache.getOrSet('key', load, { ttlMs: 1_000 });
    const read = () => cache.getOrSet('key', load, { ttlMs: 1_000 });
    await until(async () => (await read()) >= 3, { timeoutMs: 10_000, everyMs: 1 });
    const countOf = (wanted: string) => events.filter(({ type }) => type === wanted).length;
    expect(countOf('miss')).toBe(1);
    expect(countOf('refresh')).toBeGreaterThanOrEqual(2);
    // One load per cycle: the lease lets only one of the draws through.
    expect(runs).toBeLessThanOrEqual(4);
  });

  it('gives a stale value at once for swrMs, and loads it anew once in the background', async () => {
    const { cache, events } = cacheFixture();
    const options = { ttlMs: 20, swrMs: 60_000 };
    await cache.getOrSet('key', () => 'old', options);
    await until(async () => (await cache.get('key')) === undefined);
    const gate = deferred<string>();
    let runs = 0;
    const slow = () => ((runs += 1), gate.promise);
    expect(await cache.getOrSet('key', slow, options)).toBe('old');
    expect(await cache.getOrSet('key', slow, options)).toBe('old');
    gate.resolve('new');
    await until(async () => (await cache.getOrSet('key', slow, { ...options, ttlMs: 60_000 })) === 'new');
    expect(events.filter(({ type }) => type === 'refresh').length).toBe(runs);
  });

  it('waits for the loader when the value is stale for longer than swrMs', async () => {
    const { cache } = cacheFixture();
    const options = { ttlMs: 20, swrMs: 1, staleIfErrorMs: 60_000 };
    await cache.getOrSet('key', () => 'old', options);
    await until(async () => (await cache.get('key')) === undefined);
    await delay(20);
    expect(await cache.getOrSet('key', () => 'new', options)).toBe('new');
  });

  it('reports a refresh that fails, and rejects nobody', async () => {
    const { cache, events } = cacheFixture();
    const options = { ttlMs: 20, swrMs: 60_000 };
    await cache.getOrSet('key', () => 'old', options);
    await until(async () => (await cache.get('key')) === undefined);
    expect(await cache.getOrSet('key', () => Promise.reject(new Error('down')), options)).toBe('old');
    await until(() => events.some(({ type }) => type === 'load-failed'));
  });

  it.each(['delete', 'invalidateTags', 'clear'] as const)('gives no value stale that %s has purged', async (verb) => {
    const { cache } = cacheFixture();
    const options = { ttlMs: 20, swrMs: 60_000, tags: ['t'] };
    await cache.getOrSet('key', () => 'old', options);
    await until(async () => (await cache.get('key')) === undefined);
    if (verb === 'delete') await cache.delete('key');
    if (verb === 'invalidateTags') await cache.invalidateTags(['t']);
    if (verb === 'clear') await cache.clear();
    expect(await cache.getOrSet('key', () => 'new', options)).toBe('new');
  });
});
