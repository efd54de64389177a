import { describe, expect, it } from '@jest/globals';
import { countCommands, deferred, until } from '@sallyport/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cache } from '../src/index.js';
import { cacheFixture } from './fixture.js';

const soft = { soft: true };
const purges = {
  delete: async (cache: Cache) => void (await cache.delete('key', soft)),
  invalidateTags: (cache: Cache) => cache.invalidateTags(['tag'], soft),
  clear: (cache: Cache) => cache.clear(soft),
} as const;
const verbs = Object.keys(purges) as (keyof typeof purges)[];
const fail = () => Promise.reject(new RangeError('down'));

describe.each(verbs)('a soft purge by %s', (verb) => {
  const options = { tags: ['tag'], swrMs: 60_000 };

  it('lets the value be given once more while it is loaded anew, to every process', async () => {
    const { cache, elsewhere, events } = cacheFixture();
    const other = elsewhere();
    await cache.getOrSet('key', () => 'old', options);
    await purges[verb](other);
    expect(await cache.get('key')).toBeUndefined();
    const gate = deferred<string>();
    expect(await cache.getOrSet('key', () => gate.promise, options)).toBe('old');
    expect(await other.getOrSet('key', () => 'not asked', options)).toBe('old');
    gate.resolve('new');
    await until(async () => (await other.get('key')) === 'new');
    expect(events.map(({ type }) => type)).toStrictEqual(['miss', 'stale', 'refresh']);
  });

  it('lets it stand in for a load that fails, for staleIfErrorMs from the purge on', async () => {
    const { cache } = cacheFixture();
    const briefly = { tags: ['tag'], staleIfErrorMs: 400 };
    await cache.getOrSet('key', () => 'old', briefly);
    await purges[verb](cache);
    expect(await cache.getOrSet('key', fail, briefly)).toBe('old');
    await delay(420);
    await expect(cache.getOrSet('key', fail, briefly)).rejects.toThrow(RangeError);
  });

  it('ends swrMs after the purge, though the value would have been fresh for longer', async () => {
    const { cache } = cacheFixture();
    const briefly = { tags: ['tag'], swrMs: 30, staleIfErrorMs: 60_000 };
    await cache.getOrSet('key', () => 'old', briefly);
    await purges[verb](cache);
    await delay(40);
    expect(await cache.getOrSet('key', () => 'new', briefly)).toBe('new');
  });

  it('removes a value that was stored without a stale time', async () => {
    const { cache } = cacheFixture();
    await cache.getOrSet('key', () => 'old', { tags: ['tag'] });
    await purges[verb](cache);
    expect(await cache.getOrSet('key', () => 'new', options)).toBe('new');
  });

  it.each(['the same process', 'another process'])(
    'keeps a load that is running out of the store, from %s',
    async (where) => {
      const { cache, elsewhere, events } = cacheFixture();
      const started = deferred();
      const gate = deferred<string>();
      const loading = cache.getOrSet('key', () => (started.resolve(), gate.promise), options);
      await started.promise;
      await purges[verb](where === 'the same process' ? cache : elsewhere());
      gate.resolve('old');
      expect(await loading).toBe('old');
      expect(await cache.get('key')).toBeUndefined();
      expect(events).toContainEqual({ type: 'not-stored', key: 'key', reason: 'overtaken' });
    },
  );

  it('is defeated by a hard one', async () => {
    const { cache } = cacheFixture();
    await cache.getOrSet('key', () => 'old', options);
    await purges[verb](cache);
    if (verb === 'delete') await cache.delete('key');
    if (verb === 'invalidateTags') await cache.invalidateTags(['tag']);
    if (verb === 'clear') await cache.clear();
    await expect(cache.getOrSet('key', fail, options)).rejects.toThrow(RangeError);
  });

  it('hides the entry from read(), and shows it to look() with its time', async () => {
    const { cache } = cacheFixture();
    await cache.set('key', 1, options);
    await purges[verb](cache);
    expect(await cache.entries.read('key', ['', 'fresh'])).toStrictEqual([undefined, undefined]);
    const { entries } = await cache.entries.look('key', ['']);
    expect(entries[0]?.softAtMs).toBeGreaterThan(1_700_000_000_000);
  });

  it('costs one command', async () => {
    const { cache, redis } = cacheFixture();
    await purges[verb](cache);
    expect(await countCommands(redis, () => purges[verb](cache))).toMatchObject({ commands: { evalsha: 1 }, total: 1 });
  });
});

describe('a soft delete', () => {
  it('tells whether there was a value, and lets go of a remembered failure', async () => {
    const { cache } = cacheFixture();
    expect(await cache.delete('key', soft)).toBe(false);
    await cache.set('key', 1, { swrMs: 60_000 });
    expect(await cache.delete('key', soft)).toBe(true);
    await cache.getOrSet('bad', fail, { errorTtlMs: 60_000 }).catch(() => undefined);
    await cache.delete('bad', soft);
    expect(await cache.getOrSet('bad', () => 'good', { errorTtlMs: 60_000 })).toBe('good');
  });

  it.each([[{ soft: 1 }], [{ hard: true }], [true]])('refuses %j', async (options) => {
    const { cache } = cacheFixture();
    await expect(cache.delete('key', options as never)).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' });
  });
});
