import { createEventSink } from '@sallyport/core';
import { createEntryStore, type EntryStore } from './entry-store.js';
import type { CacheEvent } from './events.js';
import type { Loader } from './load.js';
import {
  checkKey,
  checkTags,
  resolveCacheOptions,
  resolveEntryOptions,
  type CacheOptions,
  type EntryOptions,
} from './options.js';
import { createReadThrough } from './read-through.js';
import { openMemory } from './open-memory.js';
import { PARTS } from './records.js';
import { createSingleFlight } from './single-flight.js';

/** A namespace of values in Redis. */
export interface Cache {
  /**
   * Gives the value of `key`: from Redis, or from the loader, whose result is then stored. Callers of one process that ask
   * for a key while it is being loaded share one load.
   *
   * @returns what the loader returned, or its copy: JSON or a Buffer
   * @throws {OptionError} when the key or an option is refused
   * @throws {LoadTimeoutError} when the loader took too long and there is no last good value
   * @throws {CachedLoadError} when it failed less than `errorTtlMs` ago
   * @throws {UnstorableValueError} when JSON has no form for the value
   * @throws {StoreUnavailableError} when Redis fails and `onStoreFailure` is `'throw'`
   * @throws whatever the loader throws, when there is no last good value
   */
  getOrSet<T>(key: string, loader: Loader<T>, options?: EntryOptions<T>): Promise<T>;
  /**
   * Gives the value if it is fresh, else `undefined`.
   *
   * @param options.tags the tags that the entry carries; without them an entry with tags costs a second command
   */
  get<T = unknown>(key: string, options?: { readonly tags?: readonly string[] }): Promise<T | undefined>;
  /**
   * Writes a value and turns away the loads of this key that are running.
   *
   * @returns `false` when it was not stored: too large, TTL 0, or a later write or purge came first
   * @throws {StoreUnavailableError} when Redis did not answer in time, under either policy
   */
  set<T>(key: string, value: T, options?: EntryOptions<T>): Promise<boolean>;
  /**
   * Removes the value; a load that is running can't bring it back.
   *
   * @returns whether there was one
   * @throws {StoreUnavailableError} when Redis did not answer in time, under either policy
   */
  delete(key: string): Promise<boolean>;
  /** Makes all entries with one of the tags stale, by one command. @throws {StoreUnavailableError} as `delete` */
  invalidateTags(tags: readonly string[]): Promise<void>;
  /** Makes all entries of the namespace stale, by one command. @throws {StoreUnavailableError} as `delete` */
  clear(): Promise<void>;
  /** Ends the use of this cache and its connection for `l1`; the client stays open. */
  close(): Promise<void>;
  /** The layer below, for caches of other things than function results. */
  readonly entries: EntryStore;
}

/**
 * Gives a cache for the results of functions — queries, calls to other services — that all processes on one Redis share.
 *
 * @throws {OptionError} when an option is refused
 * @example
 * const cache = createCache({ redis, namespace: 'shop', ttlMs: 60_000 });
 * const product = await cache.getOrSet('product:7', () => findProduct(7), { tags: ['products'] });
 */
export function createCache(options: CacheOptions): Cache {
  const settings = resolveCacheOptions(options);
  const events = createEventSink<CacheEvent>('cache', settings.onEvent);
  const entries = createEntryStore({
    ...settings,
    packageName: 'cache',
    onCorrupt: (key) => events.emit({ type: 'corrupt', key }),
  });
  const flights = createSingleFlight();
  const memory = openMemory(settings, events);
  const { attempt, find, getOrLoad, store } = createReadThrough(entries, settings, events, memory);

  return {
    entries,
    async getOrSet<T>(key: string, loader: Loader<T>, options: EntryOptions<T> = {}) {
      const kept = memory?.find(key);
      if (kept !== undefined) {
        if (events.isActive) events.emit({ type: 'hit', key });
        return kept.value as T;
      }
      checkKey(key);
      const call = resolveEntryOptions(options, settings);
      return (await flights.run(key, () => getOrLoad(key, loader, call))) as T;
    },
    async get<T>(key: string, { tags = [] }: { readonly tags?: readonly string[] } = {}) {
      const kept = memory?.find(key);
      if (kept !== undefined) return kept.value as T | undefined;
      checkKey(key);
      const known = checkTags(tags);
      const found = await attempt('read', key, () => find(key, known));
      return found?.fresh?.value as T | undefined;
    },
    async set<T>(key: string, value: T, options: EntryOptions<T> = {}) {
      checkKey(key);
      const call = resolveEntryOptions(options, settings);
      flights.detach(key);
      // A write that doesn't reach Redis leaves the old value there: never passed over in silence.
      const fill = await entries.startFill(key, { tags: call.tags, holdMs: 5_000, takesOver: true });
      try {
        return (await store(fill, key, value, call)) === 'stored';
      } finally {
        memory?.drop(key);
      }
    },
    async delete(key) {
      flights.detach(checkKey(key));
      memory?.drop(key);
      const wasThere = await entries.delete(key, PARTS);
      // Once more: a read that began meanwhile may have been answered before the purge.
      memory?.drop(key);
      return wasThere;
    },
    async invalidateTags(tags) {
      const list = checkTags(tags);
      flights.detach();
      memory?.dropTags(list);
      await entries.invalidateTags(list);
      memory?.dropTags(list);
    },
    async clear() {
      flights.detach();
      memory?.flush();
      await entries.clear();
      memory?.flush();
    },
    async close() {
      memory?.close();
    },
  };
}
