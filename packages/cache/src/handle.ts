import type { EntryStore, PurgeOptions } from './entry-store.js';
import type { Loader } from './load.js';
import type { EntryOptions, L1Options } from './options.js';

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
  /** Gives the values of many keys, in their order, as `get` does; by one command for every hundred keys. */
  getMany<T = unknown>(
    keys: readonly string[],
    options?: { readonly tags?: readonly string[] },
  ): Promise<(T | undefined)[]>;
  /**
   * Writes a value and turns away the loads of this key that are running.
   *
   * @returns `false` when it is not to be stored — too large, or its TTL is 0 — and the key was deleted instead
   * @throws {StoreUnavailableError} when Redis did not answer in time, under either policy
   */
  set<T>(key: string, value: T, options?: EntryOptions<T>): Promise<boolean>;
  /**
   * Removes the value, or makes it stale (`soft`); a load that is running can't bring the old one back.
   *
   * @returns whether there was one
   * @throws {StoreUnavailableError} when Redis did not answer in time, under either policy
   */
  delete(key: string, options?: PurgeOptions): Promise<boolean>;
  /** Purges all entries with one of the tags, by one command. @throws {StoreUnavailableError} as `delete` */
  invalidateTags(tags: readonly string[], options?: PurgeOptions): Promise<void>;
  /** Purges all entries of the namespace, by one command. @throws {StoreUnavailableError} as `delete` */
  clear(options?: PurgeOptions): Promise<void>;
  /** Ends the use of this cache and its connection for `l1`; the client stays open. */
  close(): Promise<void>;
  /** Limits of the memory, for caches on top of this one; `false` when there is none. */
  readonly l1: Required<L1Options> | false;
  /** The layer below, for caches of other things than function results. */
  readonly entries: EntryStore;
}
