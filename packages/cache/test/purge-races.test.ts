import { describe, expect, it } from '@jest/globals';
import { deferred, runProcesses } from '@sallyport/testkit';
import type { Cache } from '../src/index.js';
import { cacheFixture } from './fixture.js';

interface Race {
  readonly rounds: number;
  readonly stale: string[];
  readonly counts: { readonly refresh: number; readonly stale: number; readonly overtaken: number };
}

/** Per verb, hard or soft, and process; 10 000 per verb in the full proof. */
const ROUNDS = process.env['SALLYPORT_TEST'] === 'full' ? 5_000 : 100;

const purges = {
  delete: (cache: Cache) => cache.delete('key'),
  invalidateTags: (cache: Cache) => cache.invalidateTags(['tag']),
  clear: (cache: Cache) => cache.clear(),
} as const;
const verbs = Object.keys(purges) as (keyof typeof purges)[];

/** Starts a load and gives control when the loader has begun, that is: has read the old state. */
async function beginLoad(cache: Cache) {
  const started = deferred();
  const gate = deferred<string>();
  const loading = cache.getOrSet('key', () => (started.resolve(), gate.promise), { tags: ['tag'] });
  await started.promise;
  return { loading, gate };
}

describe('a purge during a load', () => {
  describe.each(verbs)('by %s', (verb) => {
    it.each(['the same process', 'another process'])('keeps the old value out of the store, from %s', async (where) => {
      const { cache, elsewhere, events } = cacheFixture();
      const { loading, gate } = await beginLoad(cache);
      await purges[verb](where === 'the same process' ? cache : elsewhere());
      gate.resolve('old');
      expect(await loading).toBe('old');
      expect(await cache.get('key')).toBeUndefined();
      expect(events).toContainEqual({ type: 'not-stored', key: 'key', reason: 'overtaken' });
    });

    it('keeps those who ask after it from joining the old load in the same process', async () => {
      const { cache } = cacheFixture();
      const { loading, gate } = await beginLoad(cache);
      await purges[verb](cache);
      expect(await cache.getOrSet('key', () => 'new', { tags: ['tag'] })).toBe('new');
      gate.resolve('old');
      await loading;
      expect(await cache.get('key')).toBe('new');
    });

    it('loads again for those who joined before a purge by another process became known', async () => {
      const { cache, elsewhere } = cacheFixture();
      const { loading, gate } = await beginLoad(cache);
      await purges[verb](elsewhere());
      const joined = cache.getOrSet('key', () => 'new', { tags: ['tag'] });
      gate.resolve('old');
      expect(await loading).toBe('old');
      expect(await joined).toBe('new');
    });

    it('does not let a fill of its own time revive an older one', async () => {
      const { cache, elsewhere } = cacheFixture();
      const other = elsewhere();
      const before = await beginLoad(cache);
      await purges[verb](other);
      const after = await beginLoad(other);
      before.gate.resolve('old');
      await before.loading;
      expect(await other.get('key')).toBeUndefined();
      after.gate.resolve('new');
      await after.loading;
      expect(await cache.get('key')).toBe('new');
    });
  });

  it('never leaves an old value behind in two processes that write, purge and read at random', async () => {
    const { redis, prefix } = cacheFixture();
    const { host, port, db } = redis.options;
    const results = await runProcesses<Race>({
      module: new URL('./processes/purge-race.ts', import.meta.url),
      count: 2,
      args: { host, port, db, prefix, roundsPerVerb: ROUNDS },
      timeoutMs: 600_000,
    });
    expect(results.map(({ rounds }) => rounds)).toStrictEqual([6 * ROUNDS, 6 * ROUNDS]);
    expect(results.flatMap(({ stale }) => stale)).toStrictEqual([]);
    // The races did take place.
    for (const { counts } of results) expect(Math.min(...Object.values(counts))).toBeGreaterThan(ROUNDS / 10);
  }, 610_000);
});

describe('versions in Redis', () => {
  it.each(['{~}:tag:tag', '{~}:generation'])('that are evicted make entries stale: %s', async (name) => {
    const { cache, redis, root } = cacheFixture();
    await cache.set('key', 'value', { tags: ['tag'] });
    expect(await redis.unlink(`${root}${name}`)).toBe(1);
    expect(await cache.get('key')).toBeUndefined();
    await cache.set('key', 'newer', { tags: ['tag'] });
    expect(await cache.get('key')).toBe('newer');
  });

  it('never come back as they were, so that old entries stay stale', async () => {
    const { cache, redis, root } = cacheFixture();
    const seen = new Set<string | null>();
    for (let round = 0; round < 20; round += 1) {
      await cache.set('key', round, { tags: ['tag'] });
      seen.add(await redis.get(`${root}{~}:tag:tag`));
      await cache.invalidateTags(['tag']);
    }
    expect(seen.size).toBe(20);
  });
});
