import { describe, expect, it } from '@jest/globals';
import { countCommands, dedicatedRedis, startProxy, until, uniquePrefix } from '@sallyport/testkit';
import { createCache, type CacheEvent, type CacheOptions } from '../src/index.js';
import { cacheFixture, countingLoader } from './fixture.js';

const server = await dedicatedRedis();

/** A cache with memory that is armed, and another process's view without. */
async function armed(options: Partial<CacheOptions> = {}) {
  const redis = server.client();
  const fixture = cacheFixture({ redis, l1: {}, ...options });
  await until(() => fixture.events.some((event) => event.type === 'l1' && event.isArmed));
  fixture.events.length = 0;
  const other = fixture.elsewhere({ redis: server.client(), l1: false, onEvent: () => undefined });
  /** Reads until the value comes from memory. */
  const warm = (key: string, tags: string[] = []) =>
    until(async () => {
      await fixture.cache.getOrSet(key, () => 'loaded', { tags });
      const read = () => fixture.cache.get(key);
      return (await countCommands(redis, read)).total === 0;
    });
  return { ...fixture, redis, other, warm };
}

describe('createCache() with l1', () => {
  it('answers from memory without a command, and gives every caller the same frozen value', async () => {
    const { cache, warm, redis, other } = await armed();
    await other.set('key', { a: { b: 1 } });
    await warm('key');
    const { result, total } = await countCommands(redis, () => cache.getOrSet('key', (): unknown => 'again'));
    expect({ result, total }).toStrictEqual({ result: { a: { b: 1 } }, total: 0 });
    expect(await cache.get('key')).toBe(result);
    expect(Object.isFrozen((result as { a: object }).a)).toBe(true);
  });

  it.each(['set', 'delete', 'invalidateTags', 'clear'] as const)(
    'lets a %s elsewhere through at once',
    async (verb) => {
      const { cache, warm, other } = await armed();
      await warm('key', ['tag']);
      if (verb === 'set') await other.set('key', 'new');
      if (verb === 'delete') await other.delete('key');
      if (verb === 'invalidateTags') await other.invalidateTags(['tag']);
      if (verb === 'clear') await other.clear();
      const expected = verb === 'set' ? 'new' : undefined;
      await until(async () => (await cache.get('key')) === expected, { timeoutMs: 1_500 });
    },
  );

  it.each(['delete', 'invalidateTags', 'clear', 'set'] as const)(
    'obeys its own %s before that resolves',
    async (verb) => {
      const { cache, warm } = await armed();
      await warm('key', ['tag']);
      if (verb === 'delete') await cache.delete('key');
      if (verb === 'invalidateTags') await cache.invalidateTags(['tag']);
      if (verb === 'clear') await cache.clear();
      if (verb === 'set') await cache.set('key', 'new');
      expect(await cache.get('key')).toBe(verb === 'set' ? 'new' : undefined);
    },
  );

  it.each(['FLUSHALL', 'UNLINK by hand'])('follows %s', async (how) => {
    const { cache, warm, redis, root } = await armed();
    await warm('key');
    if (how === 'FLUSHALL') await redis.flushall();
    else await redis.unlink(`${root}{key}`);
    await until(async () => (await cache.get('key')) === undefined, { timeoutMs: 1_500 });
  });

  it('lets a value go when its TTL is over', async () => {
    const { cache, events } = await armed();
    const loader = countingLoader();
    await until(async () => (await cache.getOrSet('key', loader, { ttlMs: 150 })) === 'v3');
    expect(events.filter(({ type }) => type === 'hit').length).toBeGreaterThan(0);
  });

  it('keeps to its limits, and what is used outlasts what is not', async () => {
    const { cache, warm, redis } = await armed({ l1: { maxEntries: 3 } });
    for (const key of ['a', 'b', 'c']) await warm(key);
    await cache.get('a');
    await warm('d');
    const inMemory = async (key: string) => (await countCommands(redis, () => cache.get(key))).total === 0;
    expect(await inMemory('d')).toBe(true);
  });

  it('keeps nothing while the connection is down, and again when it is back', async () => {
    const { cache, warm, redis, events } = await armed();
    await warm('key');
    const id = String(await server.client().client('LIST')).match(/id=(\d+) [^\n]* sub=1/)?.[1];
    await server.client().call('client', 'kill', 'type', 'pubsub');
    expect(id).toBeDefined();
    await until(() => events.some((event) => event.type === 'l1' && !event.isArmed));
    expect((await countCommands(redis, () => cache.get('key'))).total).toBe(1);
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed));
    await warm('key');
  });

  it('notices a connection that swallows everything within a second and a half', async () => {
    const proxy = await startProxy({ port: server.port });
    const redis = proxy.client({ retryStrategy: () => 50 });
    const events: CacheEvent[] = [];
    const prefix = uniquePrefix('cache');
    const settings = { prefix, namespace: 'test', ttlMs: 60_000, deadlineMs: 200, l1: {} };
    const cache = createCache({ ...settings, redis, onEvent: (event) => events.push(event) });
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed));
    await until(async () => {
      await cache.getOrSet('key', () => 'old');
      const before = proxy.commands();
      return (await cache.get('key')) === 'old' && proxy.commands() === before;
    });
    proxy.blackHole();
    const startedAt = performance.now();
    expect(await cache.get('key')).toBe('old');
    await until(async () => (await cache.get('key')) === undefined, { timeoutMs: 4_000 });
    // 1.5 s are what we promise; the rest is for a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(1_500 + 300);
    await proxy.heal();
    await cache.close();
  });

  describe('when the user may not follow changes', () => {
    async function blind(l1: object, ...rules: string[]) {
      await server.client().call('acl', 'setuser', 'blind', 'reset', 'on', '>secret', '~*', '+@all', ...rules);
      const redis = server.client({ username: 'blind', password: 'secret' });
      const fixture = cacheFixture({ redis, l1 });
      const told = await until(() => fixture.events.find((event) => event.type === 'l1'));
      return { ...fixture, redis, told };
    }

    it('keeps values for untrackedTtlMs at most, and says so', async () => {
      const { cache, told, redis, root } = await blind({ untrackedTtlMs: 500 }, 'resetchannels');
      expect(told).toMatchObject({ isArmed: true, error: { message: expect.stringMatching(/NOPERM/) } });
      await cache.set('key', { n: 1 });
      const kept = await cache.get('key');
      const startedAt = performance.now();
      expect(await cache.get('key')).toBe(kept);
      await server.client().unlink(`${root}{key}`);
      await until(async () => (await cache.get('key')) === undefined, { timeoutMs: 1_500 });
      expect(performance.now() - startedAt).toBeLessThan(500 + 250);
      // Its own purges it follows at once.
      await cache.set('key', { n: 2 });
      await cache.get('key');
      await cache.delete('key');
      expect(await cache.get('key')).toBeUndefined();
      redis.disconnect();
    });

    it.each([
      ['it is to keep none', { untrackedTtlMs: 0 }, ['resetchannels']],
      ['it may not ask for the time either', {}, ['-time']],
    ])('does without memory when %s', async (_why, l1, rules) => {
      const { cache, told, redis } = await blind(l1, ...rules);
      expect(told).toMatchObject({ isArmed: false, error: { message: expect.stringMatching(/NOPERM/) } });
      await cache.getOrSet('key', () => 1);
      expect((await countCommands(redis, () => cache.get('key'))).total).toBe(1);
    });
  });

  it.each([[{ maxBytes: 1 }], [{ maxEntries: 0 }], [true], [{ max: 3 }], [{ untrackedTtlMs: 1_001 }]])(
    'refuses %j',
    (l1) => {
      expect(() => cacheFixture({ l1: l1 as never })).toThrow(/l1/);
    },
  );
});
