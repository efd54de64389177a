// What `responseCache` accepts, and what holds when an option is left out.

import { createEntryStore, type Cache, type EntryStore } from '@sallyport/cache';
import {
  callback,
  checkOptions,
  createEventSink,
  deadline,
  integer,
  keyPrefix,
  oneOf,
  optional,
  redisClient,
  refuse,
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { Request, Response } from 'express';
import type { ResponseCacheEvent } from './events.js';
import { cookieTest } from './identity.js';

/** Options of `responseCache`. */
export interface ResponseCacheOptions {
  /** The ioredis client, `Redis` or `Cluster`; never changed and never closed. Either this or `cache`. */
  readonly redis?: RedisClient;
  /** A cache of `@sallyport/cache` to store in, so that one purge by tag reaches responses and function results. */
  readonly cache?: Cache;
  /** How long a response is fresh that does not say, in milliseconds. */
  readonly ttlMs: number;
  /** Tags of the response, or a function that is called before the handler. At most 64. @default [] */
  readonly tags?: readonly string[] | ((req: Request, res: Response) => readonly string[]);
  /** The key of a request. @default path and query, the parameters sorted by name */
  readonly key?: (req: Request) => string;
  /** Who is asking: makes the entry this user's own. `undefined`: nobody in particular. @default nobody */
  readonly user?: (req: Request) => string | undefined;
  /** Request headers that always tell variants apart, besides those that responses name in `Vary`. @default [] */
  readonly vary?: readonly string[];
  /** Cookies that don't make a request personal; `*` at the end stands for any ending. @default [] */
  readonly ignoreCookies?: readonly string[];
  /** Requests that have nothing to do with the cache. @default none */
  readonly skip?: (req: Request, res: Response) => boolean | Promise<boolean>;
  /** Larger bodies are sent but not stored. @default 1_048_576 */
  readonly maxBodyBytes?: number;
  /** Begins every key in Redis; only with `redis`. @default 'response-cache:' */
  readonly prefix?: string;
  /** What happens when Redis fails: `'open'` lets the handler answer, `'throw'` hands the error on. @default 'open' */
  readonly onStoreFailure?: 'open' | 'throw';
  /** How long one call to Redis may take, in milliseconds; only with `redis`. @default 50 */
  readonly deadlineMs?: number;
  /** Receives what happens. */
  readonly onEvent?: (event: ResponseCacheEvent) => void;
  /** Wall clock in milliseconds for `Age` and `Date`. @default Date.now */
  readonly now?: () => number;
}

const NAME = /^[\w!#$%&'*+.^`|~-]{1,100}$/;

const stringList =
  (pattern: RegExp, maxCount: number, expected: string): Check<readonly string[]> =>
  (value, site) => {
    const isList = Array.isArray(value) && value.every((text) => typeof text === 'string' && pattern.test(text));
    if (!isList || value.length > maxCount) refuse(site, expected, value);
    return [...new Set(value as string[])];
  };

/** Tags, as an option and as the result of a callback. */
export const tagList = stringList(/./s, 64, 'at most 64 non-empty strings');
const cookieNames = stringList(/^[^\s;,="]+$/, 100, 'at most 100 cookie names');
const headerNames = stringList(NAME, 8, 'at most 8 header names');

const tags: Check<readonly string[] | ((req: Request, res: Response) => readonly string[])> = (value, site) =>
  typeof value === 'function' ? (value as (req: Request, res: Response) => readonly string[]) : tagList(value, site);

const existingCache: Check<Cache> = (value, site) => {
  const isCache = typeof value === 'object' && value !== null && 'entries' in value;
  return isCache ? (value as Cache) : refuse(site, 'a cache made by createCache()', value);
};

export type ResponseCacheSettings = ReturnType<typeof resolveOptions>;

/** @throws {OptionError} for an option that is unknown or not as described */
export function resolveOptions(options: ResponseCacheOptions) {
  const checked = checkOptions('response-cache', options, {
    redis: optional(redisClient, undefined),
    cache: optional(existingCache, undefined),
    ttlMs: integer(1, 10 * 365 * 86_400_000),
    tags: optional(tags, []),
    key: optional(callback<(req: Request) => string>(), undefined),
    user: optional(callback<(req: Request) => string | undefined>(), undefined),
    vary: optional(headerNames, []),
    ignoreCookies: optional(cookieNames, []),
    skip: optional(callback<(req: Request, res: Response) => boolean | Promise<boolean>>(), undefined),
    maxBodyBytes: optional(integer(0, 64 * 1024 * 1024), 1_048_576),
    prefix: optional(keyPrefix, undefined),
    onStoreFailure: optional(oneOf('open', 'throw'), 'open'),
    deadlineMs: optional(deadline, undefined),
    onEvent: optional(callback<(event: ResponseCacheEvent) => void>(), undefined),
    now: optional(callback<() => number>(), Date.now),
  });
  const events = createEventSink<ResponseCacheEvent>('response-cache', checked.onEvent);
  const entries = entriesOf(checked, (key) => events.emit({ type: 'corrupt', key }));
  return {
    ...checked,
    events,
    entries,
    vary: checked.vary.map((name) => name.toLowerCase()).toSorted(),
    isCookieIgnored: cookieTest(checked.ignoreCookies),
  };
}

/** The options that say where to store. */
interface Whereabouts {
  readonly redis: RedisClient | undefined;
  readonly cache: Cache | undefined;
  readonly prefix: string | undefined;
  readonly deadlineMs: number | undefined;
  readonly now: () => number;
}

function entriesOf(options: Whereabouts, onCorrupt: (key: string) => void): EntryStore {
  const { redis, cache, now, prefix, deadlineMs } = options;
  const site = (option: string) => ({ packageName: 'response-cache', option });
  if (cache !== undefined) {
    for (const [name, value] of Object.entries({ redis, prefix, deadlineMs })) {
      if (value !== undefined) refuse(site(name), 'left out when `cache` is given, which has its own', value, 'both');
    }
    return cache.entries;
  }
  if (redis === undefined) refuse(site('redis'), 'an ioredis client, unless `cache` is given', redis);
  return createEntryStore({
    redis,
    packageName: 'response-cache',
    prefix: prefix ?? 'response-cache:',
    namespace: 'http',
    deadlineMs: deadlineMs ?? 50,
    onCorrupt,
    now,
  });
}
