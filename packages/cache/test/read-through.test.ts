import { describe, expect, it } from '@jest/globals';
import { deferred, until } from '@sallyport/testkit';
import { CachedLoadError, LoadTimeoutError } from '../src/index.js';
import { cacheFixture } from './fixture.js';

const fail = () => Promise.reject(Object.assign(new TypeError('secret://user:pw@db'), { code: 'ECONNRESET' }));

describe('getOrSet()', () => {
  describe('when the loader fails', () => {
    it('gives the last good value for staleIfErrorMs after its freshness, and none after it', async () => {
      const { cache, events } = cacheFixture();
      const options = { ttlMs: 20, staleIfErrorMs: 400 };
      await cache.getOrSet('rates', () => 'good', options);
      await until(async () => (await cache.get('rates')) === undefined);
      expect(await cache.getOrSet('rates', fail, options)).toBe('good');
      expect(events.map(({ type }) => type)).toStrictEqual(['miss', 'miss', 'load-failed', 'stale']);
      await until(async () => {
        await expect(cache.getOrSet('rates', fail, options)).rejects.toThrow(TypeError);
        return true;
      });
    });

    it('throws its error to a caller that does not ask for the last good value', async () => {
      const { cache } = cacheFixture();
      await cache.getOrSet('rates', () => 'good', { ttlMs: 20, staleIfErrorMs: 60_000 });
      await until(async () => (await cache.get('rates')) === undefined);
      await expect(cache.getOrSet('rates', fail)).rejects.toThrow(TypeError);
    });

    it.each(['delete', 'invalidateTags', 'clear'] as const)('never gives a value that %s has purged', async (purge) => {
      const { cache, elsewhere } = cacheFixture();
      const options = { ttlMs: 20, staleIfErrorMs: 60_000, tags: ['t'] };
      await cache.getOrSet('rates', () => 'old', options);
      await until(async () => (await cache.get('rates')) === undefined);
      const other = elsewhere();
      await {
        delete: () => other.delete('rates'),
        invalidateTags: () => other.invalidateTags(['t']),
        clear: () => other.clear(),
      }[purge]();
      await expect(cache.getOrSet('rates', fail, options)).rejects.toThrow(TypeError);
    });

    it('remembers it for errorTtlMs, in all processes, without the message of the error', async () => {
      const { cache, elsewhere, redis, root } = cacheFixture();
      let runs = 0;
      const failing = () => ((runs += 1), fail());
      const options = { errorTtlMs: 60_000 };
      await expect(cache.getOrSet('rates', failing, options)).rejects.toThrow(TypeError);
      const again = await cache.getOrSet('rates', failing, options).catch((error: unknown) => error);
      expect(again).toBeInstanceOf(CachedLoadError);
      expect(again).toMatchObject({
        code: 'ERR_CACHE_LOAD_FAILED',
        failure: { name: 'TypeError', code: 'ECONNRESET' },
      });
      await expect(elsewhere().getOrSet('rates', failing, options)).rejects.toThrow(CachedLoadError);
      expect(runs).toBe(1);
      expect(await redis.get(`${root}{rates}:failure`)).not.toContain('secret');
    });

    it('gives the last good value without a load while the failure is remembered', async () => {
      const { cache } = cacheFixture();
      const options = { ttlMs: 20, staleIfErrorMs: 60_000, errorTtlMs: 60_000 };
      await cache.getOrSet('rates', () => 'good', options);
      await until(async () => (await cache.get('rates')) === undefined);
      expect(await cache.getOrSet('rates', fail, options)).toBe('good');
      const neverRun = () => Promise.reject(new Error('the loader ran'));
      expect(await cache.getOrSet('rates', neverRun, options)).toBe('good');
    });

    it('forgets the failure as soon as a value is written', async () => {
      const { cache } = cacheFixture();
      await cache.getOrSet('rates', fail, { errorTtlMs: 60_000 }).catch(() => undefined);
      await cache.set('rates', 'new');
      expect(await cache.getOrSet('rates', fail, { errorTtlMs: 60_000 })).toBe('new');
    });
  });

  describe('when the loader takes too long', () => {
    it('throws, aborts its signal and does not store what comes later', async () => {
      const { cache } = cacheFixture({ loadTimeoutMs: 30 });
      const late = deferred<string>();
      let signal: AbortSignal | undefined;
      const loading = cache.getOrSet('key', (context) => ((signal = context.signal), late.promise));
      await expect(loading).rejects.toThrow(LoadTimeoutError);
      await expect(loading).rejects.toMatchObject({ code: 'ERR_CACHE_LOAD_TIMEOUT', status: 504 });
      expect(signal?.aborted).toBe(true);
      late.resolve('late');
      await late.promise;
      expect(await cache.get('key')).toBeUndefined();
    });

    it('gives the last good value', async () => {
      const { cache } = cacheFixture();
      const options = { ttlMs: 20, staleIfErrorMs: 60_000, loadTimeoutMs: 30 };
      await cache.getOrSet('key', () => 'good', options);
      await until(async () => (await cache.get('key')) === undefined);
      expect(await cache.getOrSet('key', () => deferred<string>().promise, options)).toBe('good');
    });
  });
});
