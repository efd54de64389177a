// What `createCache` and its methods accept, and what holds when an option is left out.

import {
  boolean,
  callback,
  checkOptions,
  deadline,
  integer,
  keyPrefix,
  oneOf,
  optional,
  redisClient,
  refuse,
  text,
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { PurgeOptions } from './entry-store.js';
import type { CacheEvent } from './events.js';

/** Options of `createCache`. */
export interface CacheOptions {
  /** The ioredis client, `Redis` or `Cluster`; never changed and never closed. */
  readonly redis: RedisClient;
  /** Sets the entries of this cache apart from those of others; `clear()` reaches just these. */
  readonly namespace: string;
  /** Begins every key in Redis. @default 'cache:' */
  readonly prefix?: string;
  /** How long a value is fresh, in milliseconds, where a call does not say. @default none: every call says it */
  readonly ttlMs?: number;
  /** Takes a random part of up to this many percent off each TTL, so that what was made together does not end together. @default 0 */
  readonly jitterPercent?: number;
  /** What a read or a fill does when Redis fails: `'open'` loads without it, `'throw'` rejects. @default 'open' */
  readonly onStoreFailure?: 'open' | 'throw';
  /** How long one call to Redis may take, in milliseconds. @default 50 */
  readonly deadlineMs?: number;
  /** How long a loader may take, in milliseconds. @default 30_000 */
  readonly loadTimeoutMs?: number;
  /** How long the death of a loading process holds up the others, in milliseconds; a living one renews. @default 2_000 */
  readonly leaseMs?: number;
  /** How many loaders may run at once in this process while Redis can't be asked. @default 100 */
  readonly maxDegradedLoads?: number;
  /** Larger values are given to the caller but not stored. @default 1_048_576 */
  readonly maxValueBytes?: number;
  /** Values of this size and more are compressed, on another thread. @default none is */
  readonly compressFromBytes?: number;
  /** Sends GET, SET and DEL only, for servers or users that know no more: no tags, no leases, no `clear`. @default false */
  readonly plain?: boolean;
  /**
   * Keeps values in the memory of the process as well, as long as Redis tells of every change (CLIENT TRACKING, on a
   * connection of its own, on a Cluster one per master). Values are then shared among callers, and frozen. @default false
   */
  readonly l1?: L1Options | false;
  /** Receives what happens. */
  readonly onEvent?: (event: CacheEvent) => void;
  /** Wall clock in milliseconds for time stamps; decides nothing. @default Date.now */
  readonly now?: () => number;
}

/** Limits of the values in memory. */
export interface L1Options {
  /** Roughly, as stored in Redis plus 300 per entry. A value larger than an eighth stays out. @default 33_554_432 */
  readonly maxBytes?: number;
  /** @default 10_000 */
  readonly maxEntries?: number;
  /** How long a value stays in memory where Redis refuses to tell of changes, in ms; 0: not at all. @default 1_000 */
  readonly untrackedTtlMs?: number;
}

/** Options of `getOrSet` and `set`. */
export interface EntryOptions<T = unknown> {
  /** How long the value is fresh, in milliseconds; a function may tell by the value. 0: not stored. @default the cache's */
  readonly ttlMs?: number | ((value: T) => number);
  /** Purging one of these purges the entry. At most 64. @default [] */
  readonly tags?: readonly string[];
  /** How long after its freshness the value may stand in for a loader that fails, in milliseconds. @default 0 */
  readonly staleIfErrorMs?: number;
  /** How long after its freshness the value is given at once while it is loaded anew, in milliseconds. @default 0 */
  readonly swrMs?: number;
  /** How long a failed load is remembered, in milliseconds, so that it isn't tried again by everyone. @default 0 */
  readonly errorTtlMs?: number;
  /** How long the loader may take, in milliseconds. @default the cache's */
  readonly loadTimeoutMs?: number;
  /** After this time a stale value that may be given is given, in ms; the load goes on. @default waits for the load */
  readonly softLoadTimeoutMs?: number;
}

/** Ten years: longer than anyone means, and far from what Redis refuses. */
const MAX_MS = 10 * 365 * 86_400_000;
const MAX_TAGS = 64;

const namespace = text(/^[\w.-]{1,60}$/, "1 to 60 letters, digits, '_', '.' or '-'");
const duration = integer(0, MAX_MS);

/** A list of tags, without repetitions. */
export const tagList: Check<readonly string[]> = (value, site) => {
  const isList = Array.isArray(value) && value.every((tag) => typeof tag === 'string' && tag !== '');
  if (!isList || value.length > MAX_TAGS) refuse(site, `at most ${MAX_TAGS} non-empty strings`, value);
  return [...new Set(value as string[])];
};

const TTL = { packageName: 'cache', option: 'ttlMs' };

/** Gives a TTL in ms, or throws an OptionError. */
export function checkDuration(value: unknown): number {
  return duration(value, TTL);
}

const ttl: Check<number | ((value: never) => number)> = (value, site) =>
  typeof value === 'function' ? (value as (value: never) => number) : duration(value, site);

/** The check of an `l1` option; complete when it is given. */
export const l1Limits: Check<Required<L1Options> | false> = (value, site) =>
  value === false
    ? false
    : checkOptions(
        site.packageName,
        value,
        {
          maxBytes: optional(integer(1_024), 33_554_432),
          maxEntries: optional(integer(1), 10_000),
          untrackedTtlMs: optional(integer(0, 1_000), 1_000),
        },
        'l1.',
      );

export type CacheSettings = ReturnType<typeof resolveCacheOptions>;

/** @throws {OptionError} for an option that is unknown or not as described, or that does not go with `plain` */
export function resolveCacheOptions(options: CacheOptions) {
  const settings = checkOptions('cache', options, {
    redis: redisClient,
    namespace,
    prefix: optional(keyPrefix, 'cache:'),
    ttlMs: optional(integer(1, MAX_MS), undefined),
    jitterPercent: optional(integer(0, 50), 0),
    onStoreFailure: optional(oneOf('open', 'throw'), 'open'),
    deadlineMs: optional(deadline, 50),
    loadTimeoutMs: optional(integer(1, MAX_MS), 30_000),
    leaseMs: optional(integer(100, 600_000), 2_000),
    maxDegradedLoads: optional(integer(1), 100),
    maxValueBytes: optional(integer(1, 512 * 1024 * 1024), 1_048_576),
    compressFromBytes: optional(integer(1), Infinity),
    plain: optional(boolean, false),
    l1: optional(l1Limits, false as const),
    onEvent: optional(callback<(event: CacheEvent) => void>(), undefined),
    now: optional(callback<() => number>(), Date.now),
  });
  if (settings.plain && settings.l1 !== false) {
    refuse({ packageName: 'cache', option: 'l1' }, 'false with `plain`', options.l1);
  }
  return settings;
}

/** The options of one call, complete. */
export interface CallSettings {
  /** How long `value` is fresh; 0 when it is not to be stored. */
  readonly ttlOf: (value: unknown) => number;
  readonly tags: readonly string[];
  readonly staleIfErrorMs: number;
  readonly swrMs: number;
  readonly errorTtlMs: number;
  readonly loadTimeoutMs: number;
  /** Infinity: waits for the load. */
  readonly softLoadTimeoutMs: number;
  /** How long after its freshness a value may stand in for a load that fails or is slow. */
  readonly staleMs: number;
}

/** @throws {OptionError} for an option that is unknown or not as described, or when no TTL is given anywhere */
export function resolveEntryOptions(options: EntryOptions<never>, cache: CacheSettings): CallSettings {
  const { ttlMs = cache.ttlMs, ...rest } = checkOptions('cache', options, {
    ttlMs: optional(ttl, undefined),
    tags: optional(tagList, []),
    staleIfErrorMs: optional(duration, 0),
    swrMs: optional(duration, 0),
    errorTtlMs: optional(duration, 0),
    loadTimeoutMs: optional(integer(1, MAX_MS), cache.loadTimeoutMs),
    softLoadTimeoutMs: optional(integer(1, MAX_MS), Infinity),
  });
  if (ttlMs === undefined) refuse(TTL, 'given here or to createCache', ttlMs);
  if (cache.plain && rest.tags.length > 0) {
    refuse({ packageName: 'cache', option: 'tags' }, 'left out with `plain`', rest.tags);
  }
  const ttlOf = typeof ttlMs === 'number' ? () => ttlMs : (value: unknown) => checkDuration(ttlMs(value as never));
  return { ...rest, ttlOf, staleMs: Math.max(rest.staleIfErrorMs, rest.swrMs) };
}

/** Gives the key, or throws an OptionError. */
export function checkKey(key: unknown): string {
  return typeof key === 'string' && key !== ''
    ? key
    : refuse({ packageName: 'cache', option: 'key' }, 'a non-empty string', key);
}

/** @throws {OptionError} when `tags` is no list of tags */
export function checkTags(tags: unknown): readonly string[] {
  return tagList(tags, { packageName: 'cache', option: 'tags' });
}

/** @throws {OptionError} when an option of a purge is unknown or not as described */
export function checkPurge(options: PurgeOptions): { readonly soft: boolean } {
  return checkOptions('cache', options, { soft: optional(boolean, false) });
}
