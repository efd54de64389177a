// Option → check → default, for the middleware.

import {
  callback,
  checkOptions,
  deadline,
  keyPrefix,
  oneOf,
  optional,
  redisClient,
  refuse,
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { ServerResponse } from 'node:http';
import type { LockEvent } from './events.js';
import type { LockableRequest } from './lock-requests.js';
import { leaseLength, waitLength } from './options.js';

/** Settings of `lockRequests`. */
export interface LockRequestsOptions {
  /** ioredis client; never changed, never closed. */
  readonly redis: RedisClient;
  /** Start of every key. @default 'lock-requests:' */
  readonly prefix?: string;
  /** What is handled one at a time. `undefined` lets the request through. */
  key(req: LockableRequest): string | undefined | Promise<string | undefined>;
  /** Lets a request through without a lock. */
  skip?(req: LockableRequest, res: ServerResponse): boolean | Promise<boolean>;
  /** Whether others wait for their turn or are refused at once. @default 'wait' */
  readonly mode?: 'wait' | 'reject';
  /** How long a request may wait, in milliseconds. @default 5000 */
  readonly waitMs?: number;
  /** How long the lock outlives a process that has died, in milliseconds. @default 10000 */
  readonly leaseMs?: number;
  /** Status of a refusal. @default 423 */
  readonly status?: 423 | 409;
  /** Without Redis: `closed` answers 503, `open` runs the handler without a lock. @default 'closed' */
  readonly onStoreFailure?: 'closed' | 'open';
  /** How long one call to Redis may take, in milliseconds. @default 200 */
  readonly deadlineMs?: number;
  /** Receives what happens. */
  readonly onEvent?: (event: LockEvent) => void;
}

const refusal: Check<423 | 409> = (value, site) =>
  value === 423 || value === 409 ? value : refuse(site, '423 or 409', value);

const CHECKS = {
  redis: redisClient,
  prefix: optional(keyPrefix, 'lock-requests:'),
  key: callback<LockRequestsOptions['key']>(),
  skip: optional(callback<NonNullable<LockRequestsOptions['skip']>>(), undefined),
  mode: optional(oneOf('wait', 'reject'), 'wait'),
  waitMs: optional(waitLength, 5_000),
  leaseMs: optional(leaseLength, 10_000),
  status: optional(refusal, 423),
  onStoreFailure: optional(oneOf('closed', 'open'), 'closed'),
  deadlineMs: optional(deadline, 200),
  onEvent: optional(callback<(event: LockEvent) => void>(), undefined),
};

/** The options, resolved. @throws {OptionError} */
export const resolveLockRequestsOptions = (options: LockRequestsOptions) => checkOptions('lock', options, CHECKS);
