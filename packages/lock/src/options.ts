// Option → check → default, for the factory and for each call.

import {
  callback,
  checkOptions,
  deadline,
  integer,
  kindOf,
  keyPrefix,
  oneOf,
  optional,
  redisClient,
  refuse,
  text,
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { LockEvent } from './events.js';
import { UNLIMITED } from './scripts/queue.js';

/** Settings of `createLock`: `redis` or `quorum`, and what is common to both. */
export interface LockOptions {
  /** ioredis client; never changed, never closed. */
  readonly redis?: RedisClient;
  /** Clients of independent masters, 3 or more and an odd number: a lease needs a majority of them. In place of `redis`. */
  readonly quorum?: readonly RedisClient[];
  /** How many replicas must have a lease before it counts. WAIT holds up the connection meanwhile. @default 0 */
  readonly replicas?: number;
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
  /** `exclusive`: nobody else; `shared`: with others who want it shared (readers). @default 'exclusive' */
  readonly mode?: 'exclusive' | 'shared';
  /** Makes it a semaphore: at most so many leases at a time. All callers name the same number. @default 1 */
  readonly permits?: number;
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

/** Nodes of which each could be lost alone. */
const masters: Check<readonly RedisClient[]> = (value, site) => {
  const expected = 'an array of different ioredis clients, an odd number from 3 to 9';
  if (!Array.isArray(value) || value.length % 2 === 0 || value.length < 3 || value.length > 9) {
    return refuse(site, expected, value, Array.isArray(value) ? `${value.length} of them` : kindOf(value));
  }
  const clients = value.map((each, index) => redisClient(each, { ...site, option: `${site.option}[${index}]` }));
  if (new Set(clients).size < clients.length) return refuse(site, expected, value, 'the same one twice');
  return clients;
};

/** A length of a lease. */
export const leaseLength = integer(MIN_LEASE_MS, DAY_MS);
/** A length of a wait. */
export const waitLength = integer(0, DAY_MS);

const LOCK_CHECKS = {
  redis: optional(redisClient, undefined),
  quorum: optional(masters, undefined),
  replicas: optional(integer(0, 100), 0),
  prefix: optional(keyPrefix, 'lock:'),
  deadlineMs: optional(deadline, 200),
  onEvent: optional(callback<(event: LockEvent) => void>(), undefined),
};

const TRY_CHECKS = {
  leaseMs: leaseLength,
  mode: optional(oneOf('exclusive', 'shared'), 'exclusive' as const),
  permits: optional(integer(1, 10_000), undefined),
};

const ACQUIRE_CHECKS = {
  ...TRY_CHECKS,
  waitMs: optional(waitLength, 0),
  signal: optional(abortSignal, undefined),
};

/** The options of the factory, resolved. @throws {OptionError} */
export function resolveLockOptions(options: LockOptions) {
  const { redis, quorum, ...resolved } = checkOptions('lock', options, LOCK_CHECKS);
  const site = { packageName: 'lock', option: 'redis' };
  if (quorum === undefined) return { ...resolved, clients: [redis ?? redisClient(redis, site)] };
  if (redis !== undefined) refuse(site, 'left out when there is a `quorum`', redis, kindOf(redis));
  if (resolved.replicas > 0) {
    refuse({ ...site, option: 'replicas' }, '0 when there is a `quorum` of independent masters', resolved.replicas);
  }
  return { ...resolved, clients: quorum };
}

/** What the options say of the number of leases at a time. @throws {OptionError} */
function limitOf({ mode, permits }: { mode: 'exclusive' | 'shared'; permits: number | undefined }): number {
  if (mode === 'exclusive') return permits ?? 1;
  if (permits === undefined) return UNLIMITED;
  return refuse({ packageName: 'lock', option: 'permits' }, "left out when `mode` is 'shared'", permits);
}

/** The options of one `acquire` or `using`, resolved. @throws {OptionError} */
export function resolveAcquireOptions(options: AcquireOptions) {
  const resolved = checkOptions('lock', options, ACQUIRE_CHECKS);
  return { ...resolved, limit: limitOf(resolved) };
}

/** The options of one `tryAcquire`, resolved. @throws {OptionError} */
export function resolveTryAcquireOptions(options: TryAcquireOptions) {
  const resolved = checkOptions('lock', options, TRY_CHECKS);
  return { ...resolved, limit: limitOf(resolved) };
}

/** Names of several resources. @throws {OptionError} */
export function checkResources(value: readonly string[]): readonly string[] {
  const site = { packageName: 'lock', option: 'resources' };
  if (!Array.isArray(value) || value.length === 0 || value.length > 100) {
    return refuse(site, 'an array of 1 to 100 names', value, kindOf(value));
  }
  return value.map(checkResource);
}

/** A lease length given to `extend`. @throws {OptionError} */
export const checkLeaseMs = (value: number) => leaseLength(value, { packageName: 'lock', option: 'leaseMs' });

/** A resource name. @throws {OptionError} */
export const checkResource = (value: string) =>
  text(/./s, 'a string that is not empty')(value, { packageName: 'lock', option: 'resource' });
