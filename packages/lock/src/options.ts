// Option → check → default, for the factory and for each call.

import {
  callback,
  checkOptions,
  deadline,
  integer,
  keyPrefix,
  optional,
  redisClient,
  refuse,
  text,
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { LockEvent } from './events.js';

/** Settings of `createLock`. */
export interface LockOptions {
  /** ioredis client; never changed, never closed. */
  readonly redis: RedisClient;
  /** Start of every key. @default 'lock:' */
  readonly prefix?: string;
  /** How long one call to Redis may take, in milliseconds. @default 200 */
  readonly deadlineMs?: number;
  /** Receives what happens. */
  readonly onEvent?: (event: LockEvent) => void;
}

/** Settings of `tryAcquire`. */
export interface TryAcquireOptions {
  /** How long the lock stays held after the last renewal, in milliseconds: 200 to 86 400 000. */
  readonly leaseMs: number;
}

/** Settings of `acquire` and `using`. */
export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for a held lock, in milliseconds, up to one day. @default 0 */
  readonly waitMs?: number;
  /** Ends the wait. It does not end a lease that was granted. */
  readonly signal?: AbortSignal;
}

const DAY_MS = 86_400_000;
// Below this, the guard of 50 ms and one slow reply leave no usable lease.
const MIN_LEASE_MS = 200;

const abortSignal: Check<AbortSignal> = (value, site) =>
  value instanceof AbortSignal ? value : refuse(site, 'an AbortSignal', value);

const leaseMs = integer(MIN_LEASE_MS, DAY_MS);

const LOCK_CHECKS = {
  redis: redisClient,
  prefix: optional(keyPrefix, 'lock:'),
  deadlineMs: optional(deadline, 200),
  onEvent: optional(callback<(event: LockEvent) => void>(), undefined),
};

const ACQUIRE_CHECKS = {
  leaseMs,
  waitMs: optional(integer(0, DAY_MS), 0),
  signal: optional(abortSignal, undefined),
};

/** The options of the factory, resolved. @throws {OptionError} */
export const resolveLockOptions = (options: LockOptions) => checkOptions('lock', options, LOCK_CHECKS);

/** The options of one `acquire` or `using`, resolved. @throws {OptionError} */
export const resolveAcquireOptions = (options: AcquireOptions) => checkOptions('lock', options, ACQUIRE_CHECKS);

/** The options of one `tryAcquire`, resolved. @throws {OptionError} */
export const resolveTryAcquireOptions = (options: TryAcquireOptions) => checkOptions('lock', options, { leaseMs });

/** A lease length given to `extend`. @throws {OptionError} */
export const checkLeaseMs = (value: number) => leaseMs(value, { packageName: 'lock', option: 'leaseMs' });

/** A resource name. @throws {OptionError} */
export const checkResource = (value: string) =>
  text(/./s, 'a string that is not empty')(value, { packageName: 'lock', option: 'resource' });
