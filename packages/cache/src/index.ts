export { createCache, type Cache } from './cache.js';
export {
  createEntryStore,
  type Entry,
  type EntryRead,
  type EntryStore,
  type EntryStoreOptions,
  type Look,
} from './entry-store.js';
export { CachedLoadError, LoadTimeoutError, UnstorableValueError } from './errors.js';
export type { CacheEvent } from './events.js';
export type { Busy, ClaimOptions, Fill, FillOptions, Sight, Write } from './fills.js';
export { Kind } from './frame.js';
export type { Loader } from './load.js';
export { l1Limits, type CacheOptions, type EntryOptions, type L1Options } from './options.js';
export type { ReadToken } from './memory.js';
export type { OpenMemory } from './open-memory.js';
