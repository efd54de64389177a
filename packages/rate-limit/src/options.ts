// What a limiter takes, with or without Express, and the table that checks it.

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
  type Check,
  type RedisClient,
} from '@sallyport/core';
import type { AlgorithmName } from './algorithms/algorithms.js';
import { blocksCheck, checkBlocks, type BlockOptions, type BlockSettings } from './block-options.js';
import type { Penalty } from './decide-command.js';
import type { RateLimitEvent, StoreFailurePolicy } from './events.js';
import {
  PACKAGE_NAME,
  policyLimit,
  policySet,
  policyWindow,
  resolvePolicies,
  resolvePolicy,
  type PolicyOptions,
  type PolicySet,
} from './policies.js';

/** Options of `createRateLimiter()`, which `rateLimit()` takes too. */
export interface RateLimiterOptions {
  /** The ioredis client, `Redis` or `Cluster`. It is neither changed nor closed. */
  readonly redis: RedisClient;
  /** 1 to 8 policies, which are charged all or none; or `limit` and `windowMs` for one. */
  readonly policies?: readonly PolicyOptions[] | undefined;
  /** Units per window of the only policy. */
  readonly limit?: number | undefined;
  /** Window of the only policy in milliseconds. */
  readonly windowMs?: number | undefined;
  /** Algorithm of the only policy. @default 'ring' */
  readonly algorithm?: AlgorithmName | undefined;
  /**
   * Tells limiters apart: those of one name and prefix, and the same policies but for their limits, share their counts. Up
   * to 64 letters, digits and `_.-`. @default made of the limits and windows
   */
  readonly name?: string | undefined;
  /** What every Redis key begins with. @default 'rate-limit:' */
  readonly prefix?: string | undefined;
  /** Bans a client after repeated violations. */
  readonly penalty?: Penalty | undefined;
  /** `'local'` counts in this process, `'open'` admits, `'closed'` refuses. @default 'local' */
  readonly onStoreFailure?: StoreFailurePolicy | undefined;
  /** How many processes share each limit while Redis is away; each admits its part. @default 1 */
  readonly instances?: number | undefined;
  /** How long a decision waits for Redis, in milliseconds, 1 to 60 000. @default 50 */
  readonly deadlineMs?: number | undefined;
  /** How long a denial is repeated without asking Redis, in milliseconds; 0 asks always. @default 2000 */
  readonly deniedCacheMs?: number | undefined;
  /** After which time a reservation that was not settled goes back, in milliseconds. @default 60000 */
  readonly leaseMs?: number | undefined;
  /** Lets this process charge a hot key's permits in blocks; only for `ring` and `fixed-window`. @default none */
  readonly blocks?: BlockOptions | undefined;
  /** Receives every event; must not block. */
  readonly onEvent?: ((event: RateLimitEvent) => void) | undefined;
}

/** The checked options of a limiter. */
export interface LimiterSettings {
  readonly redis: RedisClient;
  /** `undefined` when policies come with each decision. */
  readonly set: PolicySet | undefined;
  readonly name: string;
  readonly prefix: string;
  readonly penalty: Penalty | undefined;
  readonly onStoreFailure: StoreFailurePolicy;
  readonly instances: number;
  readonly deadlineMs: number;
  readonly deniedCacheMs: number;
  readonly leaseMs: number;
  readonly blocks: BlockSettings | undefined;
  readonly onEvent: ((event: RateLimitEvent) => void) | undefined;
  /** Only of `rateLimit()`: decisions are reported, and all requests admitted. */
  readonly shadow?: boolean;
}

const DAY_MS = 86_400_000;
const anything: Check<unknown> = (value) => value;

const penaltyCheck: Check<Penalty> = (value, { packageName }) => {
  const penalty = checkOptions(
    packageName,
    value,
    {
      strikes: integer(1, 1_000_000),
      windowMs: integer(1, 366 * DAY_MS),
      banMs: integer(1, 366 * DAY_MS),
      maxBanMs: integer(1, 366 * DAY_MS),
    },
    'penalty.',
  );
  const { banMs, maxBanMs } = penalty;
  if (maxBanMs < banMs) refuse({ packageName, option: 'penalty.maxBanMs' }, `at least banMs, ${banMs}`, maxBanMs);
  return penalty;
};

/** The checks of a limiter's options; the middleware adds its own. */
export const limiterChecks = {
  redis: redisClient,
  policies: anything,
  limit: anything,
  windowMs: anything,
  algorithm: anything,
  name: optional(text(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, `_`, `.` and `-`'), undefined),
  prefix: optional(keyPrefix, 'rate-limit:'),
  penalty: optional(penaltyCheck, undefined),
  onStoreFailure: optional(oneOf('local', 'open', 'closed'), 'local' as const),
  instances: optional(integer(1, 100_000), 1),
  deadlineMs: optional(deadline, 50),
  deniedCacheMs: optional(integer(0, DAY_MS), 2_000),
  leaseMs: optional(integer(1, DAY_MS), 60_000),
  blocks: optional(blocksCheck, undefined),
  onEvent: optional(callback<(event: RateLimitEvent) => void>(), undefined),
};

/** Checks the options of `createRateLimiter()`. @throws {OptionError} */
export function resolveLimiterOptions(options: RateLimiterOptions): LimiterSettings {
  const { policies, limit, windowMs, algorithm, name, ...settings } = checkOptions(
    PACKAGE_NAME,
    options,
    limiterChecks,
  );
  const resolved = resolveSet({ policies, limit, windowMs, algorithm }, name);
  checkBlocks(settings.blocks, resolved.set, settings.penalty);
  return { ...settings, ...resolved };
}

/** The policies of a limiter: those of `policies`, or the one of `limit` and `windowMs`; and its name. */
export function resolveSet(
  { policies, limit, windowMs, algorithm }: Record<'policies' | 'limit' | 'windowMs' | 'algorithm', unknown>,
  givenName: string | undefined,
): { readonly set: PolicySet; readonly name: string } {
  if (policies === undefined) {
    // Two limiters without a name must not count into each other, which would turn clients away at the lower limit.
    const checked = {
      limit: policyLimit(limit, siteOf('limit')),
      windowMs: policyWindow(windowMs, siteOf('windowMs')),
    };
    const name = givenName ?? `${checked.limit}-per-${checked.windowMs}ms`;
    return { set: policySet([resolvePolicy({ name, ...checked, algorithm }, '')], name), name };
  }
  const set = resolvePolicies(policies, givenName ?? '');
  for (const [option, value] of Object.entries({ limit, windowMs, algorithm })) {
    if (value !== undefined) refuse(siteOf(option), 'left out when `policies` is given', value);
  }
  if (givenName !== undefined) return { set, name: givenName };
  const limits = set.policies.map((policy) => `${policy.limit}-per-${policy.windowMs}ms`);
  return { set: policySet(set.policies, limits.join('_')), name: set.policies.map((policy) => policy.name).join('_') };
}

const siteOf = (option: string) => ({ packageName: PACKAGE_NAME, option });
