export { createCache } from './cache.js';
export type {
  Busy,
  ClaimOptions,
  Entry,
  EntryRead,
  EntryStore,
  Fill,
  FillOptions,
  Look,
  PurgeOptions,
  Sight,
  Write,
} from './entry-store.js';
export { CachedLoadError, LoadTimeoutError, PlainModeError, UnstorableValueError } from './errors.js';
export type { CacheEvent } from './events.js';
export { Kind } from './frame.js';
export type { Cache } from './handle.js';
export type { LoadContext, Loader } from './load.js';
export type { ReadToken } from './memory.js';
export type { OpenMemory } from './open-memory.js';
export { l1Limits, type CacheOptions, type EntryOptions, type L1Options } from './options.js';
export { createEntryStore, type EntryStoreOptions } from './redis-entry-store.js';
