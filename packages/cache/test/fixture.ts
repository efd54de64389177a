import { connect, uniquePrefix } from '@sallyport/testkit';
import { createCache, type CacheEvent, type CacheOptions } from '../src/index.js';

/** A cache under a prefix of its own, its client and what it reported. Deadlines are wide: the machine may be busy. */
export function cacheFixture(options: Partial<CacheOptions> = {}) {
  const redis = connect();
  const prefix = uniquePrefix('cache');
  const events: CacheEvent[] = [];
  const settings = { redis, prefix, namespace: 'test', ttlMs: 60_000, deadlineMs: 5_000, ...options };
  const cache = createCache({ ...settings, onEvent: (event) => events.push(event) });
  /** Another process's view: a cache that shares nothing but Redis. */
  const elsewhere = (changes: Partial<CacheOptions> = {}) => createCache({ ...settings, redis: connect(), ...changes });
  return { redis, prefix, cache, elsewhere, events, root: `${prefix}test:` };
}

/** A loader that counts its runs and gives `v1`, `v2`, … */
export function countingLoader() {
  const loader = Object.assign(async () => `v${(loader.runs += 1)}`, { runs: 0 });
  return loader;
}

/** A cache of which every call must say the TTL. */
export function withoutTtl() {
  return createCache({ redis: connect(), prefix: uniquePrefix('cache'), namespace: 'test', deadlineMs: 5_000 });
}
