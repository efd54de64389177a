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
  type RedisClient,
} from '@sallyport/core';
import { bindingOptions, type BindingOptions, type ResolvedBinding } from './binding.js';
import { cookiePlan, type CookieOptions, type CookiePlan } from './cookie.js';
import type { SessionEvent } from './events.js';
import { secrets } from './secrets.js';

const DAY_MS = 86_400_000;
/** Browsers keep no cookie longer (draft-ietf-httpbis-rfc6265bis §5.5). */
const LONGEST_MS = 400 * DAY_MS;

/** What `createSessions()` takes. */
export interface SessionsOptions {
  /** An ioredis client, `Redis` or `Cluster`; never closed. */
  readonly redis: RedisClient;
  /** Sign the cookie: the first signs, all are accepted. At least 32 bytes each. */
  readonly secrets: readonly string[];
  /** A session ends after this time without a request, in milliseconds; at least 1000. */
  readonly idleMs: number;
  /** A session ends this long after it began, whatever happens, in milliseconds. @default 30 days */
  readonly absoluteMs?: number;
  /** Begins every Redis key. @default 'session:' */
  readonly prefix?: string;
  readonly cookie?: CookieOptions;
  /** How large the JSON of a session's properties may be together, in bytes. @default 262 144 (256 KiB) */
  readonly maxBytes?: number;
  /** What another browser or network than at log-in means. @default observed */
  readonly binding?: BindingOptions;
  /**
   * When a session cannot be read: `'closed'` answers 503 to requests that carry a session cookie; `'anonymous'` handles
   * them as anonymous, without touching their cookie. A session that cannot be saved is a 503 with both. @default 'closed'
   */
  readonly onStoreFailure?: 'closed' | 'anonymous';
  /** How long a call to Redis may take, in milliseconds. @default 250 */
  readonly deadlineMs?: number;
  readonly onEvent?: (event: SessionEvent) => void;
}

/** The options with all defaults filled in. */
export interface ResolvedOptions {
  readonly redis: RedisClient;
  readonly secrets: readonly string[];
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly prefix: string;
  readonly cookie: CookiePlan;
  readonly maxBytes: number;
  readonly binding: ResolvedBinding;
  readonly onStoreFailure: 'closed' | 'anonymous';
  readonly deadlineMs: number;
  readonly onEvent: ((event: SessionEvent) => void) | undefined;
}

/** @throws {OptionError} naming the option and its value */
export function resolveOptions(options: SessionsOptions): ResolvedOptions {
  const resolved = checkOptions('session', options, {
    redis: redisClient,
    secrets,
    idleMs: integer(1000, LONGEST_MS),
    absoluteMs: optional(integer(1000, LONGEST_MS), 30 * DAY_MS),
    prefix: optional(keyPrefix, 'session:'),
    cookie: cookiePlan,
    maxBytes: optional(integer(256, 64 * 1024 * 1024), 256 * 1024),
    binding: bindingOptions,
    onStoreFailure: optional(oneOf('closed', 'anonymous'), 'closed' as const),
    deadlineMs: optional(deadline, 250),
    onEvent: optional(callback<(event: SessionEvent) => void>(), undefined),
  });
  if (resolved.idleMs > resolved.absoluteMs) {
    const site = { packageName: 'session', option: 'idleMs' };
    refuse(site, `at most absoluteMs (${resolved.absoluteMs})`, resolved.idleMs);
  }
  return resolved;
}
