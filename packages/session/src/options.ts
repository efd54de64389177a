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
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { Request } from 'express';
import { bindingOptions, type BindingOptions, type ResolvedBinding } from './binding.js';
import { cookiePlan, type CookieOptions, type CookiePlan } from './cookie.js';
import { encryptionOptions, type EncryptionOptions } from './encryption-options.js';
import type { SessionEvent } from './events.js';
import type { FieldCipher } from './field-cipher.js';
import { migrationOptions, type MigrationOptions, type ResolvedMigration } from './migration-options.js';
import { secrets } from './secrets.js';

/** What a request gets whose session cannot be read. */
export type StoreFailurePolicy = 'closed' | 'anonymous' | 'readonly';
/** What the log-in does that would be one too many. */
export type DeviceLimitPolicy = 'evict-oldest' | 'evict-idlest' | 'refuse';
/** What the response is of a request that changed a session which had ended meanwhile. */
export type GonePolicy = 'conflict' | 'unauthorized' | 'discard';

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
  /** What another browser or network than at log-in means. @default both are reported */
  readonly binding?: BindingOptions;
  /** Encrypts what sessions hold. @default not encrypted */
  readonly encryption?: EncryptionOptions;
  /** Takes over sessions of express-session on connect-redis. @default no */
  readonly migrateFrom?: MigrationOptions;
  /** A session gets a new id when the present one is this old, in milliseconds. @default never, but at log-in */
  readonly renewalMs?: number;
  /** How long the replaced id still works, for requests under way, in milliseconds. @default 30 000 */
  readonly renewalGraceMs?: number;
  /** A replaced id is used after that: `'end'` ends the session, `'refuse'` only that request. @default 'end' */
  readonly onReplay?: 'end' | 'refuse';
  /** How many sessions a user may have. @default any number */
  readonly maxDeviceCount?: number;
  /** What happens at the log-in that would be one too many. @default 'evict-oldest' */
  readonly onDeviceLimit?: DeviceLimitPolicy;
  /**
   * A request changed a session that had ended meanwhile: `'conflict'` answers 409, `'unauthorized'` 401 and clears the
   * cookie, `'discard'` sends the response and drops the change. @default 'conflict'
   */
  readonly onGone?: GonePolicy;
  /** Whether a request extends the idle time: polling need not. @default every request */
  readonly touch?: (req: Request) => boolean;
  /** The most that the properties of a session may take, in bytes. @default 65 536 */
  readonly maxBytes?: number;
  /** As in express-session: the cookie is set again with every response. @default false */
  readonly rolling?: boolean;
  /** As in express-session: a session is written back even if it did not change; only its times are. @default false */
  readonly resave?: boolean;
  /** As in express-session: a new session without data is stored, and its cookie set. @default false */
  readonly saveUninitialized?: boolean;
  /** As in express-session: what `delete req.session` means. @default 'keep' */
  readonly unset?: 'destroy' | 'keep';
  /** As in express-session: gives the random part of a session id; at least 22 of `A-Z a-z 0-9 _ . -`. @default 192 random bits */
  readonly genid?: (req: Request) => string;
  /**
   * When a session cannot be read: `'closed'` answers 503 to requests that carry a session cookie; `'anonymous'` handles
   * them as anonymous, without touching their cookie; `'readonly'` shows them the session as this process last saw it, not
   * longer than a minute ago, else it is `'closed'`. A function chooses per request. A session that cannot be saved is a 503
   * with all of them. @default 'closed'
   */
  readonly onStoreFailure?: StoreFailurePolicy | ((req: Request) => StoreFailurePolicy);
  /** How long a request may wait for Redis, all its calls together, in milliseconds. @default 250 */
  readonly deadlineMs?: number;
  /** How often `watch()` asks whether a session lives, besides being told, in milliseconds. @default 15 000 */
  readonly watchEveryMs?: number;
  readonly onEvent?: (event: SessionEvent) => void;
}

type Defaulted = Required<
  Omit<
    SessionsOptions,
    'cookie' | 'binding' | 'encryption' | 'migrateFrom' | 'renewalMs' | 'maxDeviceCount' | 'genid' | 'touch' | 'onEvent'
  >
>;

/** The options with all defaults filled in. */
export interface ResolvedOptions extends Defaulted {
  readonly cookie: CookiePlan;
  readonly binding: ResolvedBinding;
  readonly encryption: FieldCipher | undefined;
  readonly migrateFrom: ResolvedMigration | undefined;
  readonly renewalMs: number | undefined;
  readonly maxDeviceCount: number | undefined;
  readonly genid: ((req: Request) => string) | undefined;
  readonly touch: ((req: Request) => boolean) | undefined;
  readonly onEvent: ((event: SessionEvent) => void) | undefined;
}

const policies = oneOf('closed', 'anonymous', 'readonly');
const policyOrFunction: Check<StoreFailurePolicy | ((req: Request) => StoreFailurePolicy)> = (value, site) =>
  typeof value === 'function' ? (value as (req: Request) => StoreFailurePolicy) : policies(value, site);

/** @throws {OptionError} naming the option and its value */
export function resolveOptions(options: SessionsOptions): ResolvedOptions {
  const resolved = checkOptions('session', options, {
    redis: redisClient,
    secrets,
    idleMs: integer(1000, LONGEST_MS),
    absoluteMs: optional(integer(1000, LONGEST_MS), 30 * DAY_MS),
    prefix: optional(keyPrefix, 'session:'),
    cookie: cookiePlan,
    binding: bindingOptions,
    encryption: optional(encryptionOptions, undefined),
    migrateFrom: optional(migrationOptions, undefined),
    renewalMs: optional(integer(1000, LONGEST_MS), undefined),
    renewalGraceMs: optional(integer(0, 600_000), 30_000),
    onReplay: optional(oneOf('end', 'refuse'), 'end' as const),
    maxDeviceCount: optional(integer(1, 1_000), undefined),
    onDeviceLimit: optional(oneOf('evict-oldest', 'evict-idlest', 'refuse'), 'evict-oldest' as const),
    onGone: optional(oneOf('conflict', 'unauthorized', 'discard'), 'conflict' as const),
    touch: optional(callback<(req: Request) => boolean>(), undefined),
    maxBytes: optional(integer(256, 16_777_216), 65_536),
    rolling: optional(boolean, false),
    resave: optional(boolean, false),
    saveUninitialized: optional(boolean, false),
    unset: optional(oneOf('destroy', 'keep'), 'keep' as const),
    genid: optional(callback<(req: Request) => string>(), undefined),
    onStoreFailure: optional(policyOrFunction, 'closed' as const),
    deadlineMs: optional(deadline, 250),
    watchEveryMs: optional(integer(100, 3_600_000), 15_000),
    onEvent: optional(callback<(event: SessionEvent) => void>(), undefined),
  });
  if (resolved.idleMs > resolved.absoluteMs) {
    const site = { packageName: 'session', option: 'idleMs' };
    refuse(site, `at most absoluteMs (${resolved.absoluteMs})`, resolved.idleMs);
  }
  if (options.encryption?.keys.some((key) => resolved.secrets.includes(key))) {
    const site = { packageName: 'session', option: 'encryption.keys' };
    refuse(site, 'other strings than `secrets`', undefined, 'one of them');
  }
  return resolved;
}
