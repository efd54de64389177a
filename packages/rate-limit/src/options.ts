// What `rateLimit()` takes, and the table that checks it.

import {
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
  type RedisClient,
} from '@sallyport/core';
import type { Request, Response } from 'express';
import type { AlgorithmName } from './algorithms/algorithms.js';
import type { RateLimitEvent, StoreFailurePolicy } from './events.js';

const PACKAGE_NAME = 'rate-limit';
const LONGEST_WINDOW_MS = 366 * 24 * 60 * 60 * 1000;
/** Half of the range of exact integers: the algorithms multiply counts by the window. */
const MAX_PRODUCT = 2 ** 52;

/** Options of `rateLimit()`. */
export interface RateLimitOptions {
  /** The ioredis client, `Redis` or `Cluster`. It is neither changed nor closed. */
  readonly redis: RedisClient;
  /** How many requests of one client are admitted per window, 1 to 1 000 000 000. */
  readonly limit: number;
  /** Length of the window in milliseconds, up to 366 days. `limit * windowMs` is at most 2^52. */
  readonly windowMs: number;
  /** How requests are counted; see the README for what each lets through at worst. @default 'sliding-window' */
  readonly algorithm?: AlgorithmName | undefined;
  /**
   * Tells limiters apart: those with the same name, prefix and algorithm share their counts. Up to 64 letters, digits and
   * `_.-`. @default '<limit>-per-<windowMs>ms'
   */
  readonly name?: string | undefined;
  /** What every Redis key begins with. @default 'rate-limit:' */
  readonly prefix?: string | undefined;
  /** Which client a request belongs to. @default the address, by `clientAddress(req.ip, ipv6Subnet)` */
  readonly key?: ((req: Request) => string | Promise<string>) | undefined;
  /** How many leading bits of an IPv6 address make one client, 32 to 128. Not together with `key`. @default 56 */
  readonly ipv6Subnet?: number | undefined;
  /** Requests for which this gives `true` pass uncounted. */
  readonly skip?: ((req: Request, res: Response) => boolean | Promise<boolean>) | undefined;
  /**
   * What happens when Redis does not answer: `'local'` counts in this process, `'open'` admits, `'closed'` answers 503.
   * @default 'local'
   */
  readonly onStoreFailure?: StoreFailurePolicy | undefined;
  /** How long a request waits for Redis, in milliseconds, 1 to 60 000. @default 50 */
  readonly deadlineMs?: number | undefined;
  /** Receives every event; must not block. */
  readonly onEvent?: ((event: RateLimitEvent) => void) | undefined;
}

/** The checked options, complete but for the callbacks. */
export type RateLimitSettings = ReturnType<typeof resolveOptions>;

/** Checks the options and fills in the defaults. */
export function resolveOptions(options: RateLimitOptions) {
  const settings = checkOptions(PACKAGE_NAME, options, {
    redis: redisClient,
    limit: integer(1, 1_000_000_000),
    windowMs: integer(1, LONGEST_WINDOW_MS),
    algorithm: optional(oneOf('sliding-window', 'fixed-window', 'token-bucket'), 'sliding-window' as const),
    name: optional(text(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, `_`, `.` and `-`'), undefined),
    prefix: optional(keyPrefix, 'rate-limit:'),
    key: optional(callback<NonNullable<RateLimitOptions['key']>>(), undefined),
    ipv6Subnet: optional(integer(32, 128), undefined),
    skip: optional(callback<NonNullable<RateLimitOptions['skip']>>(), undefined),
    onStoreFailure: optional(oneOf('local', 'open', 'closed'), 'local' as const),
    deadlineMs: optional(deadline, 50),
    onEvent: optional(callback<NonNullable<RateLimitOptions['onEvent']>>(), undefined),
  });
  const { limit, windowMs, key, name, ipv6Subnet } = settings;
  if (limit * windowMs > MAX_PRODUCT) {
    const expected = `at most ${Math.floor(MAX_PRODUCT / windowMs)} with windowMs ${windowMs} (their product at most 2^52)`;
    refuse({ packageName: PACKAGE_NAME, option: 'limit' }, expected, limit);
  }
  if (key !== undefined && ipv6Subnet !== undefined) {
    refuse({ packageName: PACKAGE_NAME, option: 'ipv6Subnet' }, 'left out when `key` is given', ipv6Subnet);
  }
  // Two limiters without a name must not count into each other, which would turn clients away at the lower limit.
  return { ...settings, name: name ?? `${limit}-per-${windowMs}ms`, ipv6Subnet: ipv6Subnet ?? 56 };
}
