export { createCache, type Cache } from './cache.js';
export {
  createEntryStore,
  type Entry,
  type EntryRead,
  type EntryStore,
  type EntryStoreOptions,
  type Fill,
  type FillOptions,
  type Write,
} from './entry-store.js';
export { CachedLoadError, LoadTimeoutError, UnstorableValueError } from './errors.js';
export type { CacheEvent } from './events.js';
export { Kind } from './frame.js';
export type { Loader } from './load.js';
export type { CacheOptions, EntryOptions } from './options.js';
