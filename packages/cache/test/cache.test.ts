import { describe, expect, it } from '@jest/globals';
import { countCommands, deferred, expectTtlOnAllKeys, keysUnder, until } from '@sallyport/testkit';
import { cacheFixture, countingLoader, withoutTtl } from './fixture.js';

describe('createCache()', () => {
  describe('getOrSet', () => {
    it('loads a value once and gives it to every process', async () => {
      const { cache, elsewhere } = cacheFixture();
      const loader = countingLoader();
      expect(await cache.getOrSet('key', loader)).toBe('v1');
      expect(await cache.getOrSet('key', loader)).toBe('v1');
      expect(await elsewhere().getOrSet('key', loader)).toBe('v1');
      expect(loader.runs).toBe(1);
    });

    it.each([
      ['an object', { a: [1, { b: null }], c: 'ü' }],
      ['null', null],
      ['undefined', undefined],
      ['zero', 0],
      ['false', false],
      ['an empty string', ''],
    ])('keeps %s, also as a negative result', async (_name, value) => {
      const { cache, events } = cacheFixture();
      await cache.getOrSet('key', () => value);
      expect(await cache.getOrSet<unknown>('key', () => 'loaded again')).toStrictEqual(value);
      expect(events.map(({ type }) => type)).toStrictEqual(['miss', 'hit']);
    });

    it('keeps binary data byte for byte', async () => {
      const { cache } = cacheFixture();
      const bytes = Buffer.from(Array.from({ length: 1024 }, (_byte, index) => index % 256));
      await cache.getOrSet('key', () => bytes);
      const copy = await cache.get<Buffer>('key');
      expect(Buffer.isBuffer(copy) && copy.equals(bytes)).toBe(true);
    });

    it('shares one load among the callers of a process', async () => {
      const { cache } = cacheFixture();
      const loader = countingLoader();
      const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('key', loader)));
      expect(new Set(values)).toStrictEqual(new Set(['v1']));
      expect(loader.runs).toBe(1);
    });

    it('shares one error among the callers of a process, and loads anew for the next', async () => {
      const { cache } = cacheFixture();
      let runs = 0;
      const failing = async () => {
        runs += 1;
        throw new RangeError('no such product');
      };
      const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => cache.getOrSet('key', failing)));
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
      expect(runs).toBe(1);
      await expect(cache.getOrSet('key', failing)).rejects.toThrow(RangeError);
      expect(runs).toBe(2);
    });

    it('takes names of Object.prototype for keys like any other', async () => {
      const { cache } = cacheFixture();
      for (const key of ['constructor', '__proto__', 'toString']) {
        expect(await cache.getOrSet(key, () => `of ${key}`)).toBe(`of ${key}`);
        expect(await cache.get(key)).toBe(`of ${key}`);
      }
    });

    it('loads again when the TTL is over', async () => {
      const { cache } = cacheFixture();
      const loader = countingLoader();
      await cache.getOrSet('key', loader, { ttlMs: 20 });
      await until(async () => (await cache.getOrSet('key', loader, { ttlMs: 20 })) === 'v2');
    });

    it('takes the TTL from the value, and stores nothing at 0', async () => {
      const { cache, redis, root, events } = cacheFixture();
      const options = { ttlMs: (value: string | null) => (value === null ? 0 : 30_000) };
      await cache.getOrSet('absent', () => null, options);
      await cache.getOrSet('present', () => 'x', options);
      expect(await cache.get('absent')).toBeUndefined();
      expect(events).toContainEqual({ type: 'not-stored', key: 'absent', reason: 'ttl-zero' });
      const ttl = await redis.pttl(`${root}{present}`);
      expect(ttl).toBeGreaterThan(20_000);
      expect(ttl).toBeLessThanOrEqual(30_000);
    });

    it('shortens TTLs by up to jitterPercent, each by another part', async () => {
      const { cache, redis, root } = cacheFixture({ jitterPercent: 50 });
      const keys = Array.from({ length: 20 }, (_key, index) => `key-${index}`);
      await Promise.all(keys.map((key) => cache.getOrSet(key, () => 1, { ttlMs: 1_000_000 })));
      const ttls = await Promise.all(keys.map((key) => redis.pttl(`${root}{${key}}`)));
      expect(Math.min(...ttls)).toBeGreaterThan(480_000);
      expect(Math.max(...ttls)).toBeLessThanOrEqual(1_000_000);
      expect(Math.max(...ttls) - Math.min(...ttls)).toBeGreaterThan(50_000);
    });

    it('gives a value over maxValueBytes without storing it', async () => {
      const { cache, events } = cacheFixture({ maxValueBytes: 10 });
      expect(await cache.getOrSet('key', () => 'longer than that')).toBe('longer than that');
      expect(await cache.get('key')).toBeUndefined();
      expect(events).toContainEqual({ type: 'not-stored', key: 'key', reason: 'too-large' });
    });

    it('refuses a value that JSON cannot hold', async () => {
      const { cache } = cacheFixture();
      await expect(cache.getOrSet('key', () => 1n)).rejects.toMatchObject({ code: 'ERR_CACHE_VALUE' });
      await expect(cache.getOrSet('key', () => () => 1)).rejects.toMatchObject({ code: 'ERR_CACHE_VALUE' });
    });

    it('heals a damaged record', async () => {
      const { cache, redis, root, events } = cacheFixture();
      await cache.getOrSet('key', () => 'good');
      await redis.set(`${root}{key}`, 'not a frame', 'PX', 60_000);
      expect(await cache.getOrSet('key', () => 'better')).toBe('better');
      expect(events).toContainEqual({ type: 'corrupt', key: 'key' });
      expect(await cache.get('key')).toBe('better');
    });

    it('takes a key of another Redis type for a miss and heals it', async () => {
      const { cache, redis, root } = cacheFixture();
      await redis.hset(`${root}{key}`, 'field', 'value');
      expect(await cache.getOrSet('key', () => 'good')).toBe('good');
      expect(await cache.get('key')).toBe('good');
    });

    it.each([
      ['a key that is no string', 7, { ttlMs: 1 }, /`key`.*got 7/],
      ['an empty key', '', { ttlMs: 1 }, /`key`/],
      ['a negative TTL', 'key', { ttlMs: -1 }, /`ttlMs`.*got -1/],
      ['an empty tag', 'key', { tags: [''] }, /`tags`/],
      ['too many tags', 'key', { tags: Array.from({ length: 65 }, String) }, /at most 64/],
      ['an unknown option', 'key', { ttl: 5 }, /`ttl`.*no such option/],
      ['a TTL function that gives NaN', 'key', { ttlMs: () => Number.NaN }, /`ttlMs`.*got NaN/],
    ])('refuses %s', async (_name, key, options, message) => {
      const { cache } = cacheFixture();
      await expect(cache.getOrSet(key as string, () => 1, options as object)).rejects.toThrow(message);
      await expect(cache.getOrSet(key as string, () => 1, options as object)).rejects.toMatchObject({
        code: 'ERR_CACHE_OPTION',
      });
    });

    it('asks for a TTL when neither the call nor the cache has one', async () => {
      const cache = withoutTtl();
      await expect(cache.getOrSet('key', () => 1)).rejects.toThrow(/`ttlMs` must be given here or to createCache/);
    });
  });

  describe('set', () => {
    it('writes a value that every process reads', async () => {
      const { cache, elsewhere } = cacheFixture();
      expect(await cache.set('key', { a: 1 }, { tags: ['t'] })).toBe(true);
      expect(await elsewhere().get('key')).toStrictEqual({ a: 1 });
    });

    it('wins over a load that is running, in this process or another', async () => {
      const { cache, elsewhere } = cacheFixture();
      const other = elsewhere();
      for (const writer of [cache, other]) {
        const gate = deferred<string>();
        const started = deferred();
        const loading = cache.getOrSet('key', () => (started.resolve(), gate.promise));
        await started.promise;
        await writer.set('key', 'written');
        gate.resolve('loaded');
        await loading;
        expect(await other.get('key')).toBe('written');
        await cache.delete('key');
      }
    });

    it('says that nothing was stored for a value over maxValueBytes or with TTL 0', async () => {
      const { cache } = cacheFixture({ maxValueBytes: 10 });
      expect(await cache.set('key', 'longer than that')).toBe(false);
      expect(await cache.set('key', 'x', { ttlMs: 0 })).toBe(false);
    });
  });

  describe('invalidateTags', () => {
    it('makes the entries with a tag stale and leaves the others', async () => {
      const { cache, elsewhere } = cacheFixture();
      await cache.set('one', 1, { tags: ['red', 'round'] });
      await cache.set('two', 2, { tags: ['red'] });
      await cache.set('three', 3, { tags: ['blue'] });
      await elsewhere().invalidateTags(['round', 'unknown']);
      expect(await Promise.all(['one', 'two', 'three'].map((key) => cache.get(key)))).toStrictEqual([undefined, 2, 3]);
    });

    it('takes no tags for nothing to do', async () => {
      const { cache, redis } = cacheFixture();
      expect(await countCommands(redis, () => cache.invalidateTags([]))).toMatchObject({ total: 0 });
    });
  });

  describe('clear', () => {
    it('makes all entries of the namespace stale and those of no other', async () => {
      const { cache, elsewhere, redis, prefix } = cacheFixture();
      const neighbour = cacheFixture({ redis, prefix, namespace: 'other' }).cache;
      await cache.set('key', 1);
      await neighbour.set('key', 2);
      await elsewhere().clear();
      expect(await cache.get('key')).toBeUndefined();
      expect(await neighbour.get('key')).toBe(2);
      await cache.set('key', 3);
      expect(await cache.get('key')).toBe(3);
    });
  });

  describe('delete', () => {
    it('removes everything that a key has in Redis, and tells whether there was a value', async () => {
      const { cache, redis, root } = cacheFixture();
      await cache.set('key', 1, { staleIfErrorMs: 1_000 });
      expect(await cache.delete('key')).toBe(true);
      expect(await keysUnder(redis, `${root}{key}*`)).toStrictEqual([]);
      expect(await cache.delete('key')).toBe(false);
    });
  });

  describe('commands to Redis', () => {
    it('are one for a hit, whatever the number of tags', async () => {
      const { cache, redis } = cacheFixture();
      const tags = Array.from({ length: 20 }, (_tag, index) => `tag-${index}`);
      await cache.getOrSet('key', () => 1, { tags });
      const { commands } = await countCommands(redis, () => cache.getOrSet('key', () => 2, { tags }));
      expect(commands).toStrictEqual({ mget: 1 });
    });

    it('are one more when the entry has tags that the caller does not name', async () => {
      const { cache, redis } = cacheFixture();
      await cache.getOrSet('key', () => 1, { tags: ['a', 'b'] });
      const { commands, result } = await countCommands(redis, () => cache.get('key'));
      expect({ commands, result }).toStrictEqual({ commands: { mget: 2 }, result: 1 });
    });

    it('are three for a miss with tags and one for a write, whatever the number of tags', async () => {
      const { cache, redis } = cacheFixture();
      await cache.set('other', 1);
      await cache.getOrSet('first', () => 1, { tags: ['a'] });
      const miss = () => cache.getOrSet('key', () => 1, { tags: ['a', 'b'], staleIfErrorMs: 5_000 });
      expect(await countCommands(redis, miss)).toMatchObject({ commands: { mget: 1, evalsha: 2 }, total: 3 });
      const tags = ['a', 'b', 'never seen'];
      const write = () => cache.set('key', 1, { tags, swrMs: 5_000 });
      expect(await countCommands(redis, write)).toMatchObject({ commands: { evalsha: 1 }, total: 1 });
    });

    it('are one for each kind of purge', async () => {
      const { cache, redis } = cacheFixture();
      await cache.delete('loads the script');
      expect(await countCommands(redis, () => cache.delete('key'))).toMatchObject({ total: 1 });
      expect(await countCommands(redis, () => cache.invalidateTags(['a', 'b', 'c']))).toMatchObject({ total: 1 });
      expect(await countCommands(redis, () => cache.clear())).toMatchObject({ total: 1 });
    });
  });

  it('gives every key a TTL: values, marks, failures, versions', async () => {
    const { cache, redis, prefix } = cacheFixture();
    await cache.getOrSet('key', () => 1, { tags: ['a'], staleIfErrorMs: 60_000 });
    await cache.getOrSet('bad', () => Promise.reject(new Error('no')), { errorTtlMs: 5_000 }).catch(() => undefined);
    await expectTtlOnAllKeys(redis, prefix);
  });

  it('keeps the versions of tags and namespace at least as long as the entries', async () => {
    const { cache, redis, root } = cacheFixture();
    await cache.getOrSet('short', () => 1, { ttlMs: 1_000, tags: ['a'] });
    await cache.getOrSet('long', () => 1, { ttlMs: 3_600_000, tags: ['a'] });
    for (const key of [`${root}{~}:tag:a`, `${root}{~}:generation`]) {
      expect(await redis.pttl(key)).toBeGreaterThanOrEqual(await redis.pttl(`${root}{long}`));
    }
  });

  it('writes no more than a fence beside an entry, and none of the entry when the load is abandoned', async () => {
    const { cache, redis, root } = cacheFixture();
    await cache.getOrSet('key', () => Promise.reject(new Error('no'))).catch(() => undefined);
    expect(await keysUnder(redis, `${root}{key}*`)).toStrictEqual([`${root}{key}:~:fence`]);
  });
});
