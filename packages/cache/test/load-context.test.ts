import { describe, expect, it } from '@jest/globals';
import { countCommands, deferred, until } from '@sallyport/testkit';
import type { LoadContext } from '../src/index.js';
import { cacheFixture, countingLoader } from './fixture.js';

describe('what a loader says of its result', () => {
  it('sets the TTL, over that of the options', async () => {
    const { cache, redis, root } = cacheFixture();
    await cache.getOrSet('key', ({ setTtlMs }) => (setTtlMs(5_000), 'value'), { ttlMs: 60_000 });
    expect(await redis.pttl(`${root}{key}`)).toBeLessThanOrEqual(5_000);
    await expect(cache.getOrSet('bad', ({ setTtlMs }) => (setTtlMs(-1), 'value'))).rejects.toThrow(/`ttlMs`.*got -1/);
  });

  it('keeps the result out of the store, and gives it to those who wait', async () => {
    const { cache, elsewhere, events } = cacheFixture();
    const gate = deferred<string>();
    const started = deferred();
    const load = ({ doNotStore }: LoadContext) => (doNotStore(), started.resolve(), gate.promise);
    const both = [cache.getOrSet('key', load), cache.getOrSet('key', load)];
    await started.promise;
    gate.resolve('once');
    expect(await Promise.all(both)).toStrictEqual(['once', 'once']);
    expect(events).toContainEqual({ type: 'not-stored', key: 'key', reason: 'by-loader' });
    expect(await elsewhere().get('key')).toBeUndefined();
  });

  describe('adds tags', () => {
    const load = ({ addTags }: LoadContext) => (addTags(['author:7', 'late']), 'value');

    it('that purge the entry like any other, at the cost of no further command', async () => {
      const { cache, redis } = cacheFixture();
      await cache.getOrSet('warm', load, { tags: ['known'] });
      const miss = () => cache.getOrSet('key', load, { tags: ['known'] });
      expect(await countCommands(redis, miss)).toMatchObject({ total: 3 });
      for (const tag of ['known', 'author:7', 'late']) {
        await cache.getOrSet('key', load, { tags: ['known'] });
        expect(await cache.get('key')).toBe('value');
        await cache.invalidateTags([tag]);
        expect(await cache.get('key')).toBeUndefined();
      }
    });

    it.each([false, true])('and is not stored when one of them was purged meanwhile (soft: %s)', async (soft) => {
      const { cache, elsewhere } = cacheFixture();
      const other = elsewhere();
      // The tag is new, or stands already.
      for (const key of ['new', 'standing']) {
        const gate = deferred();
        const started = deferred();
        const loading = cache.getOrSet(key, async ({ addTags }) => {
          started.resolve();
          await gate.promise;
          addTags(['late']);
          return 'old';
        });
        await started.promise;
        await other.invalidateTags(['late'], { soft });
        // Another load of the same time makes the version of the tag anew.
        await other.set('other', 1, { tags: ['late'] });
        gate.resolve();
        expect(await loading).toBe('old');
        expect(await cache.get(key)).toBeUndefined();
      }
    });

    it('of which there may be 64 with those of the options', async () => {
      const { cache } = cacheFixture();
      const many = Array.from({ length: 65 }, String);
      await expect(cache.getOrSet('key', ({ addTags }) => addTags(many))).rejects.toThrow(/at most 64/);
    });
  });
});

describe('softLoadTimeoutMs', () => {
  const options = { ttlMs: 20, staleIfErrorMs: 60_000, softLoadTimeoutMs: 30 };

  /** A cache whose value of `key` is stale. */
  async function stale() {
    const fixture = cacheFixture();
    await fixture.cache.getOrSet('key', () => 'old', options);
    await until(async () => (await fixture.cache.get('key')) === undefined);
    return fixture;
  }

  it('gives the stale value when the load is slower, which goes on and is stored', async () => {
    const { cache, elsewhere, events } = await stale();
    const other = elsewhere();
    const gate = deferred<string>();
    expect(await cache.getOrSet('key', () => gate.promise, options)).toBe('old');
    // Who waits for the load of another process waits no longer either.
    expect(await other.getOrSet('key', countingLoader(), options)).toBe('old');
    gate.resolve('new');
    await until(async () => (await other.getOrSet('key', () => gate.promise, options)) === 'new');
    expect(events.map(({ type }) => type)).toContain('stale');
  });

  it('waits for a load that is faster, and for any when there is nothing to give', async () => {
    const { cache } = await stale();
    expect(await cache.getOrSet('key', () => 'new', options)).toBe('new');
    const slow = deferred<string>();
    const loading = cache.getOrSet('other', () => slow.promise, options);
    await until(
      async () => (await Promise.race([loading, new Promise((done) => setTimeout(done, 60, 'waits'))])) === 'waits',
    );
    slow.resolve('late');
    expect(await loading).toBe('late');
  });

  it('gives nothing that was purged while the load ran', async () => {
    const { cache, elsewhere } = await stale();
    const gate = deferred<string>();
    const started = deferred();
    const loading = cache.getOrSet('key', () => (started.resolve(), gate.promise), {
      ...options,
      softLoadTimeoutMs: 200,
    });
    await started.promise;
    await elsewhere().delete('key');
    await new Promise((done) => setTimeout(done, 250));
    gate.resolve('new');
    expect(await loading).toBe('new');
  });

  it('rejects nobody when the load fails after all', async () => {
    const { cache, events } = await stale();
    const gate = deferred<string>();
    expect(await cache.getOrSet('key', () => gate.promise, options)).toBe('old');
    gate.reject(new RangeError('down'));
    await until(() => events.some(({ type }) => type === 'load-failed'));
  });
});
