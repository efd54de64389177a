import { beforeAll, describe, expect, it } from '@jest/globals';
import { countCommands, dedicatedRedis, deferred, expectTtlOnAllKeys, until, uniquePrefix } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import type { CacheOptions } from '../src/index.js';
import { cacheFixture, countingLoader } from './fixture.js';

const server = await dedicatedRedis();
const fail = () => Promise.reject(new RangeError('down'));

describe('createCache() in plain mode, as a user who may run GET, SET and DEL and nothing else', () => {
  let redis: Redis;
  beforeAll(async () => {
    await server.client().call('acl', 'setuser', 'plain', 'on', '>secret', '~*', '-@all', '+get', '+set', '+del');
    // What a client of a minimal server is told: no HELLO, no INFO, no CLIENT.
    const bare = { protocol: 2, enableReadyCheck: false, disableClientInfo: true } as const;
    redis = server.client({ ...bare, username: 'plain', password: 'secret' });
  });
  const plain = (options: Partial<CacheOptions> = {}) => cacheFixture({ redis, plain: true, ...options });

  it('is refused everything else by the server', async () => {
    for (const command of [['mget', 'a'], ['ping'], ['time'], ['eval', 'return 1', '0'], ['info'], ['client', 'id']]) {
      const [name = '', ...args] = command;
      await expect(redis.call(name, ...args)).rejects.toThrow(/NOPERM/);
    }
  });

  it('loads once, shares the value and writes it through', async () => {
    const { cache, elsewhere } = plain();
    const loader = countingLoader();
    await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('key', loader)));
    const other = elsewhere({ redis });
    expect(await other.getOrSet('key', loader)).toBe('v1');
    expect(await other.set('key', 'written')).toBe(true);
    expect(await cache.getMany(['key', 'none'])).toStrictEqual(['written', undefined]);
    expect(await cache.delete('key')).toBe(true);
    expect(await cache.delete('key')).toBe(false);
    expect(await other.get('key')).toBeUndefined();
    expect(loader.runs).toBe(1);
  });

  it('gives the last good value when a load fails, remembers the failure, and refreshes what is stale', async () => {
    const { cache, events } = plain();
    const options = { ttlMs: 20, staleIfErrorMs: 60_000, errorTtlMs: 60_000 };
    await cache.getOrSet('key', () => 'good', options);
    await until(async () => (await cache.get('key')) === undefined);
    expect(await cache.getOrSet('key', fail, options)).toBe('good');
    expect(await cache.getOrSet('key', () => 'not asked', options)).toBe('good');
    await expect(cache.getOrSet('bad', fail, options)).rejects.toThrow(RangeError);
    await expect(cache.getOrSet('bad', fail, options)).rejects.toMatchObject({ code: 'ERR_CACHE_LOAD_FAILED' });
    await cache.set('swr', 'old', { swrMs: 60_000 });
    expect(await cache.delete('swr', { soft: true })).toBe(true);
    expect(await cache.getOrSet('swr', () => 'new', { swrMs: 60_000 })).toBe('old');
    await until(async () => (await cache.get('swr')) === 'new');
    expect(events.map(({ type }) => type)).toContain('refresh');
  });

  it.each(['delete', 'set'] as const)('lets a %s of the same process win over a load that is running', async (verb) => {
    const { cache } = plain();
    const gate = deferred<string>();
    const started = deferred();
    const loading = cache.getOrSet('key', () => (started.resolve(), gate.promise));
    await started.promise;
    await (verb === 'delete' ? cache.delete('key') : cache.set('key', 'new'));
    gate.resolve('old');
    await loading;
    expect(await cache.get('key')).toBe(verb === 'delete' ? undefined : 'new');
  });

  it('has no tags and no clear, and says so', async () => {
    const { cache } = plain();
    await expect(cache.getOrSet('key', () => 1, { tags: ['a'] })).rejects.toMatchObject({ option: 'tags' });
    await expect(cache.set('key', 1, { tags: ['a'] })).rejects.toMatchObject({ option: 'tags' });
    for (const call of [
      () => cache.clear(),
      () => cache.clear({ soft: true }),
      () => cache.invalidateTags(['a']),
      () => cache.get('key', { tags: ['a'] }),
      () => cache.getOrSet('key', ({ addTags }) => addTags(['a'])),
      () => cache.entries.startFill('key', { holdMs: 1_000, isFenced: true }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_CACHE_PLAIN' });
    }
    expect(() => plain({ l1: {} })).toThrow(/`l1`.*`plain`/);
  });

  it('sends GET for a hit, GET and SET for a miss, SET for a write, and gives every key a TTL', async () => {
    const admin = server.client();
    const prefix = uniquePrefix('cache');
    const { cache } = cacheFixture({ redis: admin, plain: true, prefix });
    const commandsOf = async (run: () => unknown) => (await countCommands(admin, run)).commands;
    expect(await commandsOf(() => cache.getOrSet('key', () => 1))).toStrictEqual({ get: 2, set: 1 });
    expect(await commandsOf(() => cache.getOrSet('key', () => 1))).toStrictEqual({ get: 1 });
    expect(await commandsOf(() => cache.set('key', 2))).toStrictEqual({ set: 1 });
    await cache.set('key', 2, { swrMs: 60_000 });
    await cache.getOrSet('bad', fail, { errorTtlMs: 60_000 }).catch(() => undefined);
    await expectTtlOnAllKeys(admin, prefix);
  });
});
