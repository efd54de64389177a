// A store for the middleware `express-rate-limit` (8.7), for applications that keep it and move only the counting here. Its
// semantics are that middleware's: a fixed window from a client's first request, and a refused request counts as well.
//
// A hit is taken back (`skipFailedRequests`) with nothing but the key to go by. It must leave a newer window alone, so the store
// remembers which window it last counted a key in: `resetTime` is at or before the true end of that window, and
// express-rate-limit takes nothing back after it, so at that moment the last window is still the right one.

import {
  buildKey,
  checkOptions,
  clearPrefix,
  createStoreGuard,
  deadline,
  integer,
  keyPrefix,
  optional,
  redisClient,
  type RedisClient,
} from '@sallyport/core';
import { RecentMap } from './recent-map.js';
import { expressRateLimitDecrement } from './scripts/express-rate-limit-decrement.js';
import { expressRateLimitIncrement, type WindowCount } from './scripts/express-rate-limit-increment.js';
import { sendOnce } from './send-once.js';

const LONGEST_WINDOW_MS = 366 * 24 * 60 * 60 * 1000;
/** Of how many clients the window is remembered; a hit of another is taken from the window that is open then. */
const MAX_WINDOWS = 10_000;

/** Options of `createExpressRateLimitStore()`. */
export interface ExpressRateLimitStoreOptions {
  /** The ioredis client, `Redis` or `Cluster`. It is neither changed nor closed. */
  readonly redis: RedisClient;
  /** What every Redis key begins with; limiters with the same prefix share their counts. @default 'express-rate-limit:' */
  readonly prefix?: string | undefined;
  /** How long a request waits for Redis, in milliseconds, 1 to 60 000. @default 50 */
  readonly deadlineMs?: number | undefined;
}

/** How often a client was counted in its window, and when that ends. */
export interface ExpressRateLimitCount {
  totalHits: number;
  resetTime: Date;
}

/** The `Store` of express-rate-limit. All methods reject with StoreUnavailableError when Redis does not answer in time. */
export interface ExpressRateLimitStore {
  readonly prefix: string;
  /** `false`: other processes count into the same keys. */
  readonly localKeys: false;
  /** Called by express-rate-limit with its options. @throws {OptionError} when `windowMs` is not whole milliseconds */
  init(options: ExpressRateLimitInit): void;
  /** Counts one hit. @throws {OptionError} when `init()` was not called, or refused `windowMs` */
  increment(key: string): Promise<ExpressRateLimitCount>;
  /** Takes one hit back, never below 0, and never from a later window. */
  decrement(key: string): Promise<void>;
  /** Where a client stands; `undefined` when it has no window. */
  get(key: string): Promise<ExpressRateLimitCount | undefined>;
  resetKey(key: string): Promise<void>;
  /** Forgets all clients under the prefix; scans, so not for a request's path. */
  resetAll(): Promise<void>;
  /** Frees the store's own memory. The Redis client stays open. */
  shutdown(): void;
}

/** What the store takes from express-rate-limit's options. */
export interface ExpressRateLimitInit {
  readonly windowMs: number;
  readonly skipFailedRequests?: boolean;
  readonly skipSuccessfulRequests?: boolean;
}

/**
 * Gives a store for express-rate-limit that counts in Redis, exactly and for all processes. It does no I/O when it is made, so
 * it may be made while Redis is down. What happens to a request when Redis does not answer is `passOnStoreError`'s to say.
 *
 * @throws {OptionError} when an option is refused
 *
 * @example
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store: createExpressRateLimitStore({ redis }) }));
 */
export function createExpressRateLimitStore(options: ExpressRateLimitStoreOptions): ExpressRateLimitStore {
  const { redis, prefix, deadlineMs } = checkOptions('rate-limit', options, {
    redis: redisClient,
    prefix: optional(keyPrefix, 'express-rate-limit:'),
    deadlineMs: optional(deadline, 50),
  });
  const guard = createStoreGuard({ redis, packageName: 'rate-limit', deadlineMs });
  // Counting twice or taking back twice is wrong: neither is sent again when its reply was lost.
  const once = sendOnce(redis);
  const windows = new RecentMap<number>(MAX_WINDOWS);
  let given: unknown;
  let takesBack = false;

  // express-rate-limit only logs what init() throws; then each request must fail, not count over some other window.
  function windowMs(): number {
    return integer(1, LONGEST_WINDOW_MS)(given, { packageName: 'rate-limit', option: 'windowMs' });
  }

  async function read(key: string, counts: 0 | 1): Promise<WindowCount & { resetTime: Date }> {
    // Before sending: the true end lies later, never earlier.
    const sentMs = Date.now();
    const args = [windowMs(), counts];
    const count = await guard.run(() => expressRateLimitIncrement.run(once, [buildKey(prefix, key)], args));
    return { ...count, resetTime: new Date(sentMs + count.leftMs) };
  }

  return {
    prefix,
    localKeys: false,
    init(settings) {
      given = settings.windowMs;
      windowMs();
      takesBack = settings.skipFailedRequests === true || settings.skipSuccessfulRequests === true;
    },
    async increment(key) {
      const { hits, startMs, resetTime } = await read(key, 1);
      if (takesBack) windows.set(key, startMs);
      return { totalHits: hits, resetTime };
    },
    async decrement(key) {
      const args = [windowMs(), windows.get(key) ?? 0];
      await guard.run(() => expressRateLimitDecrement.run(once, [buildKey(prefix, key)], args));
    },
    async get(key) {
      const { hits, resetTime } = await read(key, 0);
      return hits === 0 ? undefined : { totalHits: hits, resetTime };
    },
    async resetKey(key) {
      await guard.run(() => redis.call('unlink', buildKey(prefix, key)));
    },
    async resetAll() {
      await clearPrefix(redis, prefix);
    },
    shutdown: () => windows.clear(),
  };
}
