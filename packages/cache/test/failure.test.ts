import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProxy } from '@sallyport/testkit';
import { createCache } from '../src/index.js';
import { cacheFixture, countingLoader } from './fixture.js';

const server = await dedicatedRedis();

async function behindProxy(deadlineMs = 50) {
  const proxy = await startProxy({ port: server.port });
  const redis = proxy.client({ retryStrategy: () => 20 });
  const { cache, events } = cacheFixture({ redis, deadlineMs });
  await cache.set('warm', 'value').catch(() => undefined);
  events.length = 0;
  return { proxy, cache, events, redis };
}

describe('createCache()', () => {
  describe.each(['stopped', 'paused', 'slow'] as const)('when Redis is %s', (how) => {
    async function broken() {
      const fixture = await behindProxy();
      if (how === 'stopped') await fixture.proxy.refuse();
      if (how === 'paused') fixture.proxy.blackHole();
      if (how === 'slow') fixture.proxy.delay(2_000);
      return fixture;
    }

    it('loads the value within a deadline of what the loader takes, and reports it', async () => {
      const { cache, events } = await broken();
      const start = performance.now();
      expect(await cache.getOrSet('key', countingLoader())).toBe('v1');
      // 50 ms are the deadline; the rest is for a busy machine.
      expect(performance.now() - start).toBeLessThan(400);
      expect(events.map(({ type }) => type)).toContain('store-failure');
    });

    it('still loads once for callers that come together', async () => {
      const { cache } = await broken();
      const loader = countingLoader();
      await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('key', loader)));
      expect(loader.runs).toBe(1);
    });

    it('rejects purges and writes: one that did not happen is never passed over', async () => {
      const { cache } = await broken();
      const unavailable = { code: 'ERR_CORE_STORE_UNAVAILABLE' };
      await expect(cache.delete('key')).rejects.toMatchObject(unavailable);
      await expect(cache.invalidateTags(['t'])).rejects.toMatchObject(unavailable);
      await expect(cache.clear()).rejects.toMatchObject(unavailable);
      await expect(cache.set('key', 1)).rejects.toMatchObject(unavailable);
      expect(await cache.get('key')).toBeUndefined();
    });
  });

  it('gives the loaded value when Redis fails between the load and the write', async () => {
    const { cache, proxy, events } = await behindProxy();
    const value = await cache.getOrSet('key', async () => {
      await proxy.refuse();
      return 'loaded';
    });
    expect(value).toBe('loaded');
    expect(events.at(-1)).toMatchObject({ type: 'store-failure', operation: 'write', key: 'key' });
  });

  it('stores what it loads when each reply was lost once and the client sends the command again', async () => {
    const { cache, proxy } = await behindProxy(5_000);
    for (const name of ['a', 'b', 'c']) {
      proxy.dropReplies(1);
      expect(await cache.getOrSet(name, () => name)).toBe(name);
    }
    await proxy.heal();
    expect(await cache.getOrSet('d', () => 'd')).toBe('d');
  });

  it('does not bring a value back when a purge falls between a write and its repetition', async () => {
    const proxy = await startProxy({ port: server.port });
    const { cache, prefix, root } = cacheFixture({ redis: proxy.client({ retryStrategy: () => 100 }) });
    const direct = server.client();
    const other = createCache({ redis: direct, prefix, namespace: 'test', ttlMs: 60_000, deadlineMs: 5_000 });
    await cache.set('key', 'first');
    // The reply to the commit is lost; while the client reconnects, another process purges.
    let evalshas = 0;
    proxy.dropReplies((command) => command.name === 'evalsha' && (evalshas += 1) === 1);
    const writing = cache.set('key', 'second');
    while ((await other.get('key')) !== 'second') await direct.ping();
    await other.delete('key');
    expect(await writing).toBe(true);
    expect(evalshas).toBe(2);
    expect(await direct.exists(`${root}{key}`)).toBe(0);
  });
});
