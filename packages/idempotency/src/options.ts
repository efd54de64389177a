// Option → check → default.

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
import type { Request, Response } from 'express';
import type { IdempotencyEvent } from './events.js';

/** Who a key belongs to: a function that names the user or tenant, or `'public'` for keys that all clients share. */
export type Scope = 'public' | ((req: Request) => string | Promise<string>);

/** Methods that can be protected. The safe ones, GET and HEAD, need no key (RFC 9110 §9.2.1) unless they are not safe here. */
export type ProtectedMethod = (typeof METHODS)[number];
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD'] as const;

/** Settings of `idempotency`. */
export interface IdempotencyOptions {
  /** ioredis client; never changed, never closed. */
  readonly redis: RedisClient;
  /** Who a key belongs to. No default: a forgotten scope would show one user's answers to another. */
  readonly scope: Scope;
  /** Start of every key. @default 'idempotency:' */
  readonly prefix?: string;
  /** Name of the request header. @default 'Idempotency-Key' */
  readonly header?: string;
  /** Whether a request without the header is refused with 400; otherwise it runs unprotected. @default false */
  readonly required?: boolean;
  /** Whether a key without quotes is the same key as with them, instead of a 400. @default true */
  readonly acceptBareKey?: boolean;
  /** Methods that are protected. @default ['POST', 'PATCH'] */
  readonly methods?: readonly ProtectedMethod[];
  /** Requests for which it gives `true` run unprotected. */
  readonly skip?: (req: Request, res: Response) => boolean | Promise<boolean>;
  /** Gives what makes a payload the same payload. @default the query and the parsed body, JSON with sorted keys */
  readonly fingerprint?: (req: Request) => string | Uint8Array | Promise<string | Uint8Array>;
  /** Whether duplicates of a running request wait for its answer, instead of a 409. @default false */
  readonly wait?: boolean;
  /** How long they wait, in milliseconds; then 409. @default 30 000 */
  readonly waitMs?: number;
  /** How long a crashed process blocks its key, in milliseconds. A live one renews. @default 10 000 */
  readonly leaseMs?: number;
  /** How long a running request is renewed, in milliseconds: the end for a handler that never answers. @default 300 000 */
  readonly maxRunMs?: number;
  /** How long an answer is kept, in milliseconds. @default 86 400 000, one day */
  readonly retentionMs?: number;
  /** Largest body that is kept, in bytes. @default 1 048 576 */
  readonly maxBodyBytes?: number;
  /**
   * What becomes of an answer with a larger body: `'keep-status'` keeps status and headers, and duplicates get 409;
   * `'release'` frees the key, and they run again. @default 'keep-status'
   */
  readonly onLargeBody?: 'keep-status' | 'release';
  /** Redis does not answer the claim: `'closed'` answers 503, `'open'` runs the request unprotected. @default 'closed' */
  readonly onStoreFailure?: 'closed' | 'open';
  /** How long one call to Redis may take, in milliseconds. @default 200 */
  readonly deadlineMs?: number;
  /** Receives what happens. */
  readonly onEvent?: (event: IdempotencyEvent) => void;
}

const MIN_LEASE_MS = 500;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const MEBIBYTE = 1_048_576;

const scope: Check<Scope> = (value, site) =>
  value === 'public' || typeof value === 'function'
    ? (value as Scope)
    : refuse(site, "a function that names the user of a request, or 'public' when all clients may share keys", value);

const methods: Check<readonly ProtectedMethod[]> = (value, site) => {
  if (!Array.isArray(value) || value.length === 0) refuse(site, 'a list of methods that is not empty', value);
  return value.map((method) => oneOf(...METHODS)(method, site));
};

const CHECKS = {
  redis: redisClient,
  scope,
  prefix: optional(keyPrefix, 'idempotency:'),
  // RFC 9110 §5.1: a field name is a token.
  header: optional(text(/^[\w!#$%&'*+.^`|~-]{1,64}$/, 'the name of a header'), 'Idempotency-Key'),
  required: optional(boolean, false),
  acceptBareKey: optional(boolean, true),
  methods: optional(methods, ['POST', 'PATCH'] as const),
  skip: optional(callback<NonNullable<IdempotencyOptions['skip']>>(), undefined),
  fingerprint: optional(callback<NonNullable<IdempotencyOptions['fingerprint']>>(), undefined),
  wait: optional(boolean, false),
  waitMs: optional(integer(1, HOUR_MS), 30_000),
  leaseMs: optional(integer(MIN_LEASE_MS, HOUR_MS), 10_000),
  maxRunMs: optional(integer(MIN_LEASE_MS, 24 * HOUR_MS), 300_000),
  retentionMs: optional(integer(MIN_LEASE_MS, YEAR_MS), 24 * HOUR_MS),
  maxBodyBytes: optional(integer(0, 64 * MEBIBYTE), MEBIBYTE),
  onLargeBody: optional(oneOf('keep-status', 'release'), 'keep-status' as const),
  onStoreFailure: optional(oneOf('closed', 'open'), 'closed'),
  deadlineMs: optional(deadline, 200),
  onEvent: optional(callback<(event: IdempotencyEvent) => void>(), undefined),
};

/** The options, checked and complete. */
export type ResolvedOptions = ReturnType<typeof resolveOptions>;

/** Checks the options. @throws {OptionError} */
export function resolveOptions(options: IdempotencyOptions) {
  const resolved = checkOptions('idempotency', options, CHECKS);
  const { leaseMs, retentionMs } = resolved;
  if (retentionMs < leaseMs) {
    refuse({ packageName: 'idempotency', option: 'retentionMs' }, `at least leaseMs (${leaseMs})`, retentionMs);
  }
  return resolved;
}
