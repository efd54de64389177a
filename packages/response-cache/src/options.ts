// What `responseCache` accepts, and what holds when an option is left out.

import { createEntryStore, l1Limits, type Cache, type EntryStore, type L1Options } from '@sallyport/cache';
import {
  boolean,
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
import { createStatusWriter, type StatusHeaders } from './cache-status.js';
import type { ResponseCacheEvent } from './events.js';
import { nameTest } from './identity.js';
import { createStats } from './stats.js';
import { rememberingKeys, urlKey } from './url-key.js';

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
  /**
   * Where a response says nothing of its life but has a Last-Modified: the part of the time since then that it is fresh for,
   * instead of `ttlMs`, from 0 to 1; 0: never (RFC 9111 §4.2.2). @default 0
   */
  readonly heuristicFraction?: number;
  /** The longest such time in ms. @default 86_400_000 */
  readonly heuristicMaxMs?: number;
  /** How long what is stale may be served while the handler is asked, where the response doesn't say, in ms. @default 0 */
  readonly staleWhileRevalidateMs?: number;
  /** How long what is stale may be served when the handler fails, where the response doesn't say, in ms. @default 0 */
  readonly staleIfErrorMs?: number;
  /** How long a stale response with a validator is kept for the handler to confirm by 304, in ms. @default 60_000 */
  readonly revalidateMs?: number;
  /** Whether clients may ask for fresher or staler responses by Cache-Control. @default 'ignore' */
  readonly requestDirectives?: 'obey' | 'ignore';
  /** How long a request waits for another one of this process that makes the same response, in ms; 0: never. @default 5_000 */
  readonly coalesceMs?: number;
  /** The handler sees only those headers that tell variants apart, as long as its response may be stored. @default false */
  readonly strict?: boolean;
  /** Query parameters that key and handler do without; `*` at the end stands for any ending. @default [] */
  readonly ignoreParameters?: readonly string[];
  /** Hosts whose requests the cache takes part in. @default all */
  readonly hosts?: readonly string[];
  /** What responses say about the cache. @default 'both' */
  readonly statusHeaders?: StatusHeaders;
  /** Requests that have nothing to do with the cache. @default none */
  readonly skip?: (req: Request, res: Response) => boolean | Promise<boolean>;
  /** Larger bodies are sent but not stored. @default 1_048_576 */
  readonly maxBodyBytes?: number;
  /**
   * Keeps responses in this process's memory too, while Redis tells of every change, within limits of its own.
   * @default as in `cache`, else false
   */
  readonly l1?: L1Options | false;
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

const MAX_MS = 10 * 365 * 86_400_000;
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
const parameterNames = stringList(/^[^\s&=#*]+\*?$/, 100, 'at most 100 parameter names');
const hostNames = stringList(/^[\w.:[\]-]+$/, 100, 'at most 100 host names without ports');
const milliseconds = integer(0, MAX_MS);

const fraction: Check<number> = (value, site) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? value : refuse(site, 'a number from 0 to 1', value);
const headerNames = stringList(NAME, 8, 'at most 8 header names');

const tags: Check<readonly string[] | ((req: Request, res: Response) => readonly string[])> = (value, site) =>
  typeof value === 'function' ? (value as (req: Request, res: Response) => readonly string[]) : tagList(value, site);

const existingCache: Check<Cache> = (value, site) => {
  const isCache = typeof value === 'object' && value !== null && 'entries' in value;
  if (!isCache) refuse(site, 'a cache made by createCache()', value);
  const cache = value as Cache;
  // What a purge must reach can't be told without versions.
  return cache.entries.isPlain ? refuse(site, 'a cache with `plain: false`', cache, '`plain: true`') : cache;
};

export type ResponseCacheSettings = ReturnType<typeof resolveOptions>;

/** @throws {OptionError} for an option that is unknown or not as described */
export function resolveOptions(options: ResponseCacheOptions) {
  const checked = checkOptions('response-cache', options, {
    redis: optional(redisClient, undefined),
    cache: optional(existingCache, undefined),
    ttlMs: integer(1, MAX_MS),
    tags: optional(tags, []),
    key: optional(callback<(req: Request) => string>(), undefined),
    user: optional(callback<(req: Request) => string | undefined>(), undefined),
    vary: optional(headerNames, []),
    ignoreCookies: optional(cookieNames, []),
    heuristicFraction: optional(fraction, 0),
    heuristicMaxMs: optional(integer(1, MAX_MS), 86_400_000),
    staleWhileRevalidateMs: optional(milliseconds, 0),
    staleIfErrorMs: optional(milliseconds, 0),
    revalidateMs: optional(milliseconds, 60_000),
    requestDirectives: optional(oneOf('obey', 'ignore'), 'ignore'),
    coalesceMs: optional(integer(0, 60_000), 5_000),
    strict: optional(boolean, false),
    ignoreParameters: optional(parameterNames, []),
    hosts: optional(hostNames, undefined),
    statusHeaders: optional(oneOf('both', 'x-cache', 'cache-status', 'none'), 'both'),
    skip: optional(callback<(req: Request, res: Response) => boolean | Promise<boolean>>(), undefined),
    maxBodyBytes: optional(integer(0, 64 * 1024 * 1024), 1_048_576),
    l1: optional(l1Limits, undefined),
    prefix: optional(keyPrefix, undefined),
    onStoreFailure: optional(oneOf('open', 'throw'), 'open'),
    deadlineMs: optional(deadline, undefined),
    onEvent: optional(callback<(event: ResponseCacheEvent) => void>(), undefined),
    now: optional(callback<() => number>(), Date.now),
  });
  const sink = createEventSink<ResponseCacheEvent>('response-cache', checked.onEvent);
  const stats = createStats();
  const events = {
    emit(event: ResponseCacheEvent): void {
      stats.count(event);
      sink.emit(event);
    },
  };
  const isParameterIgnored = nameTest(checked.ignoreParameters);
  const keyOf = (url: string) => urlKey(url, isParameterIgnored);
  const entries = entriesOf(checked, (key) => events.emit({ type: 'corrupt', key }));
  return {
    ...checked,
    l1: checked.l1 ?? checked.cache?.l1 ?? false,
    events,
    stats,
    entries,
    vary: checked.vary.map((name) => name.toLowerCase()).toSorted(),
    isCookieIgnored: nameTest(checked.ignoreCookies),
    isParameterIgnored,
    keyOf,
    publicKeyOf: rememberingKeys(keyOf),
    hosts: checked.hosts && new Set<string | undefined>(checked.hosts.map((host) => host.toLowerCase())),
    writeStatus: createStatusWriter(checked.statusHeaders as StatusHeaders),
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
