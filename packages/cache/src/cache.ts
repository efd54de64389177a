// The factory: which steps a call takes, in which order. Memory is dropped before a purge is sent and again when it is
// done: a read that began in between may have been answered from before it.

import { createEventSink } from '@sallyport/core';
import type { CacheEvent } from './events.js';
import type { Cache } from './handle.js';
import type { Loader } from './load.js';
import {
  checkKey,
  checkPurge,
  checkTags,
  resolveCacheOptions,
  resolveEntryOptions,
  type CacheOptions,
  type EntryOptions,
} from './options.js';
import { createPlainEntryStore } from './plain-entry-store.js';
import { createReadThrough } from './read-through.js';
import { openMemory } from './open-memory.js';
import { PARTS } from './records.js';
import { createEntryStore } from './redis-entry-store.js';
import { createSingleFlight } from './single-flight.js';
import { createValueWriter } from './value-writer.js';

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
  const entries = (settings.plain ? createPlainEntryStore : createEntryStore)({
    ...settings,
    packageName: 'cache',
    onCorrupt: (key) => events.emit({ type: 'corrupt', key }),
  });
  const flights = createSingleFlight();
  const memory = openMemory(settings, events);
  const writer = createValueWriter(entries, settings, events);
  const { find, findMany, getOrLoad } = createReadThrough(entries, writer, settings, events, memory);

  async function purge<T>(forget: () => void, run: () => Promise<T>): Promise<T> {
    forget();
    try {
      return await run();
    } finally {
      forget();
    }
  }

  return {
    entries,
    l1: settings.l1,
    async getOrSet<T>(key: string, loader: Loader<T>, options: EntryOptions<T> = {}) {
      const kept = memory?.find(key);
      if (kept !== undefined) {
        if (events.isActive) events.emit({ type: 'hit', key });
        return kept.value as T;
      }
      checkKey(key);
      const call = resolveEntryOptions(options, settings);
      return (await flights.run(key, () => getOrLoad(key, loader, call), call.staleMs > 0)) as T;
    },
    async get<T>(key: string, { tags = [] }: { readonly tags?: readonly string[] } = {}) {
      const kept = memory?.find(key);
      if (kept !== undefined) return kept.value as T | undefined;
      const found = await find(checkKey(key), checkTags(tags));
      return found?.fresh?.value as T | undefined;
    },
    async getMany<T>(keys: readonly string[], { tags = [] }: { readonly tags?: readonly string[] } = {}) {
      const values = new Map<string, unknown>();
      const missing = new Set<string>();
      for (const key of keys) {
        checkKey(key);
        const kept = memory?.find(key);
        if (kept === undefined) missing.add(key);
        else values.set(key, kept.value);
      }
      const list = [...missing];
      const found = list.length === 0 ? [] : await findMany(list, checkTags(tags));
      list.forEach((key, index) => values.set(key, found?.[index]?.fresh?.value));
      return keys.map((key) => values.get(key) as T | undefined);
    },
    async set<T>(key: string, value: T, options: EntryOptions<T> = {}) {
      checkKey(key);
      const call = resolveEntryOptions(options, settings);
      flights.detach(key);
      // A write that doesn't reach Redis leaves the old value there: never passed over in silence.
      return purge(
        () => memory?.drop(key),
        () => writer.put(key, value, call),
      );
    },
    async delete(key, options = {}) {
      const how = checkPurge(options);
      flights.detach(checkKey(key));
      return purge(
        () => memory?.drop(key),
        () => entries.delete(key, PARTS, how),
      );
    },
    async invalidateTags(tags, options = {}) {
      const how = checkPurge(options);
      const list = checkTags(tags);
      flights.detach();
      await purge(
        () => memory?.dropTags(list),
        () => entries.invalidateTags(list, how),
      );
    },
    async clear(options = {}) {
      const how = checkPurge(options);
      flights.detach();
      await purge(
        () => memory?.flush(),
        () => entries.clear(how),
      );
    },
    async close() {
      memory?.close();
    },
  };
}
