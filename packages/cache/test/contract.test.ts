import { expect } from '@jest/globals';
import { storeContract } from '@sallyport/testkit';
import { createCache, type Cache, type CacheOptions } from '../src/index.js';

// `clear()` is a new generation here and does not count; its tests are in cache.test.ts.
type Subject = Omit<Cache, 'clear'>;

storeContract<CacheOptions, Subject, string>({
  name: 'cache',
  create: (options) => ({ ...createCache(options), clear: undefined }),
  options: { namespace: 'contract', ttlMs: 60_000 },
  lacks: ['skip'],
  use: async (cache) => cache.getOrSet('key', () => 'value', { tags: ['tag'] }),
  expectHealthy: (outcome) => expect(outcome).toStrictEqual({ status: 'fulfilled', value: 'value' }),
  expectDegraded: (outcome) => expect(outcome).toStrictEqual({ status: 'fulfilled', value: 'value' }),
  policies: {
    throw: (outcome) =>
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CORE_STORE_UNAVAILABLE' } }),
  },
  badOptions: {
    namespace: [undefined, '', 'a b', 'a:b', '{x}', 7],
    ttlMs: [0, -1, 1.5, '10'],
    loadTimeoutMs: [0, Number.NaN],
    maxValueBytes: [0, '1'],
    now: [0],
    // There is no such option, so its value is not repeated in the message.
    skip: [null],
  },
  storedKey: 'key',
});
