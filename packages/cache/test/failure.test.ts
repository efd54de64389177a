import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, deferred, startProxy, until } from '@sallyport/testkit';
import { createCache } from '../src/index.js';
import { cacheFixture, countingLoader } from './fixture.js';

const server = await dedicatedRedis();
const isFull = process.env['SALLYPORT_TEST'] === 'full';
/** The deadline and 50 ms are the contract; the rest is for a busy machine. */
const BOUND_MS = isFull ? 50 + 50 : 400;

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
      expect(performance.now() - start).toBeLessThan(BOUND_MS);
      expect(events.map(({ type }) => type)).toContain('store-failure');
    });

    it('costs most callers nothing: one in a quarter of a second asks whether Redis is back', async () => {
      const { cache } = await broken();
      const tookMs: number[] = [];
      for (let call = 0; call < 100; call += 1) {
        const start = performance.now();
        expect(await cache.getOrSet(`key-${call}`, () => call)).toBe(call);
        tookMs.push(performance.now() - start);
      }
      expect(Math.max(...tookMs)).toBeLessThan(BOUND_MS);
      const median = tookMs.toSorted((a, b) => a - b)[50];
      expect(median).toBeLessThan(isFull ? 1 : 40);
      if (isFull) process.stdout.write(`${how}: worst ${Math.max(...tookMs)} ms, median ${median} ms\n`);
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

  it('waits for one deadline in all, when each command is answered just in time', async () => {
    const { cache, proxy } = await behindProxy(100);
    proxy.delay(90);
    const worst = { ms: 0 };
    for (const key of ['a', 'b', 'c']) {
      const start = performance.now();
      expect(await cache.getOrSet(key, () => key, { staleIfErrorMs: 1_000 })).toBe(key);
      const failing = () => Promise.reject(new RangeError('down'));
      await expect(cache.getOrSet(`${key}!`, failing, { errorTtlMs: 1_000 })).rejects.toThrow(RangeError);
      worst.ms = Math.max(worst.ms, (performance.now() - start) / 2);
    }
    expect(worst.ms).toBeLessThan(isFull ? 100 + 50 : 500);
    if (isFull) process.stdout.write(`just in time: worst ${worst.ms} ms\n`);
    // What came too late has let the lease go again.
    await proxy.heal();
    await until(async () => (await cache.getOrSet('a!', () => 'better')) === 'better');
  });

  it('gives values from memory meanwhile, for as long as they can be trusted', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 20 });
    const { cache, events } = cacheFixture({ redis, l1: {}, deadlineMs: 50 });
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed));
    await until(async () => {
      await cache.getOrSet('key', () => ({ n: 1 }));
      return (await cache.get('key')) === (await cache.get('key'));
    });
    proxy.blackHole();
    events.length = 0;
    const start = performance.now();
    for (let call = 0; call < 1_000; call += 1) await cache.getOrSet('key', () => ({ n: 2 }));
    expect(performance.now() - start).toBeLessThan(isFull ? 20 : 500);
    expect(new Set(events.map(({ type }) => type))).toStrictEqual(new Set(['hit']));
    await proxy.heal();
    await cache.close();
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

  it('asks again for those who joined a load of which nobody knows whether it was overtaken', async () => {
    const { cache, proxy } = await behindProxy();
    let runs = 0;
    const gate = deferred();
    const load = async () => {
      runs += 1;
      await gate.promise;
      return runs;
    };
    const first = cache.getOrSet('key', load);
    await until(() => runs === 1);
    const joined = [cache.getOrSet('key', load), cache.getOrSet('key', load)];
    await proxy.refuse();
    gate.resolve();
    expect([await first, ...(await Promise.all(joined))]).toStrictEqual([1, 2, 2]);
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
