// Policies as users write them, checked and turned into the numbers that the algorithms work with. Pure.

import { checkOptions, integer, oneOf, optional, refuse, text, type OptionSite } from '@sallyport/core';
import { createHash } from 'node:crypto';
import { algorithms, type AlgorithmName } from './algorithms/algorithms.js';
import { PARTS } from './algorithms/bucket.js';
import { TICKS } from './algorithms/ring.js';
import type { Quota } from './algorithms/rule.js';

/** What a policy counts, as the IETF draft names it. */
export type QuotaUnit = 'requests' | 'content-bytes' | 'concurrent-requests';

/** One policy: at most `limit` units per `windowMs`. */
export interface PolicyOptions {
  /** Names it in headers, answers and events. Printable ASCII, up to 64 characters; each policy its own. */
  readonly name: string;
  /** Units per window, 1 to 1 000 000 000; `sliding-log` to 10 000, `concurrency` to 1 000. */
  readonly limit: number;
  /** Window in milliseconds, up to 366 days. Of no effect with `concurrency`: there `leaseMs` bounds a request. */
  readonly windowMs: number;
  /** @default 'ring' */
  readonly algorithm?: AlgorithmName | undefined;
  /** Units at once, of `token-bucket` (default: the limit) and `gcra` (default: a tenth of it), 1 to the limit. */
  readonly burst?: number | undefined;
  /** Buckets of a `ring`, 1 to 120. More of them let more through, never above the limit. @default 30 */
  readonly subWindows?: number | undefined;
  /** @default 'requests', and 'concurrent-requests' for `concurrency` */
  readonly unit?: QuotaUnit | undefined;
}

/** A checked policy. */
export interface Policy {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly algorithm: AlgorithmName;
  readonly unit: QuotaUnit;
  readonly quota: Quota;
}

/** The policies of one decision. */
export interface PolicySet {
  readonly policies: readonly Policy[];
  /** Stands in the Redis key: another set of policies is another count. The limits are not part of it. */
  readonly id: string;
  /** The policies as the script reads them. */
  readonly packed: Buffer;
  /** The same for comparison: two sets with one fingerprint decide alike. */
  readonly fingerprint: string;
  readonly hasConcurrency: boolean;
}

export const PACKAGE_NAME = 'rate-limit';
const LONGEST_WINDOW_MS = 366 * 24 * 60 * 60 * 1000;
const MAX_LIMIT = 1_000_000_000;
const MAX_LIMITS: Partial<Record<AlgorithmName, number>> = { 'sliding-log': 10_000, concurrency: 1_000 };

/** RFC 9651 §3.3.3: a String holds printable ASCII only. Quotes and backslashes are escaped by the encoder. */
export const policyName = text(/^[\x20-\x7e]{1,64}$/, '1 to 64 printable ASCII characters (an RFC 9651 String)');
export const policyLimit = integer(1, MAX_LIMIT);
export const policyWindow = integer(1, LONGEST_WINDOW_MS);
export const algorithmName = oneOf(...(Object.keys(algorithms) as AlgorithmName[]));

const CHECKS = {
  name: policyName,
  limit: policyLimit,
  windowMs: policyWindow,
  algorithm: optional(algorithmName, 'ring' as const),
  burst: optional(integer(1, MAX_LIMIT), undefined),
  subWindows: optional(integer(1, TICKS), undefined),
  unit: optional(oneOf('requests', 'content-bytes', 'concurrent-requests'), undefined),
};

/**
 * Checks 1 to 8 policies of the limiter `limiterName`.
 *
 * @throws {OptionError} naming what is refused: `policies[1].limit`
 */
export function resolvePolicies(value: unknown, limiterName: string): PolicySet {
  const site: OptionSite = { packageName: PACKAGE_NAME, option: 'policies' };
  if (!Array.isArray(value) || value.length < 1 || value.length > 8) {
    return refuse(
      site,
      'an array of 1 to 8 policies',
      value,
      Array.isArray(value) ? `${value.length} of them` : undefined,
    );
  }
  const policies = value.map((entry: unknown, index) => resolvePolicy(entry, `policies[${index}].`));
  for (const [index, { name }] of policies.entries()) {
    if (policies.findIndex((other) => other.name === name) === index) continue;
    refuse({ ...site, option: `policies[${index}].name` }, 'different from the names of the other policies', name);
  }
  return policySet(policies, limiterName);
}

/** Checks one policy; `path` stands before the names of its members in messages. */
export function resolvePolicy(value: unknown, path: string): Policy {
  const { name, limit, windowMs, algorithm, burst, subWindows, unit } = checkOptions(PACKAGE_NAME, value, CHECKS, path);
  const site = (option: string): OptionSite => ({ packageName: PACKAGE_NAME, option: path + option });
  const isBucket = algorithm === 'token-bucket' || algorithm === 'gcra';
  const maxLimit = MAX_LIMITS[algorithm] ?? MAX_LIMIT;
  if (limit > maxLimit) refuse(site('limit'), `at most ${maxLimit} with algorithm '${algorithm}'`, limit);
  if (burst !== undefined && !isBucket) refuse(site('burst'), "left out but for 'token-bucket' and 'gcra'", burst);
  if (burst !== undefined && burst > limit) refuse(site('burst'), `at most the limit, ${limit}`, burst);
  if (subWindows !== undefined && algorithm !== 'ring')
    refuse(site('subWindows'), "left out but for 'ring'", subWindows);
  const isConcurrency = algorithm === 'concurrency';
  if (unit !== undefined && isConcurrency !== (unit === 'concurrent-requests')) {
    refuse(site('unit'), "'concurrent-requests' with algorithm 'concurrency', and only there", unit);
  }
  const size = burst ?? (algorithm === 'gcra' ? Math.max(1, Math.floor(limit / 10)) : limit);
  return {
    name,
    limit,
    windowMs,
    algorithm,
    unit: unit ?? (isConcurrency ? 'concurrent-requests' : 'requests'),
    quota: isBucket ? bucketQuota(limit, windowMs, size) : windowQuota(limit, windowMs, subWindows ?? 30),
  };
}

function bucketQuota(limit: number, windowMs: number, size: number): Quota {
  // A touch below the true rate, so that no rounding lets more flow in.
  return { limit, period: ((limit * PARTS) / (windowMs * 1000)) * (1 - 2 ** -50), extra: size * PARTS };
}

function windowQuota(limit: number, windowMs: number, subWindows: number): Quota {
  return { limit, period: windowMs * 1000, extra: Math.ceil((windowMs * 1000) / subWindows) };
}

/** The set of `policies`, which belong to the limiter `limiterName`. */
export function policySet(policies: readonly Policy[], limiterName: string): PolicySet {
  const packed = Buffer.alloc(21 * policies.length);
  for (const [index, { algorithm, quota }] of policies.entries()) {
    packed.writeUInt8(algorithms[algorithm].kind, 21 * index);
    packed.writeUInt32BE(quota.limit, 21 * index + 1);
    packed.writeDoubleBE(quota.period, 21 * index + 5);
    packed.writeDoubleBE(quota.extra, 21 * index + 13);
  }
  // What a section means depends on these; a limit only says how much of it is too much.
  const identity = policies.map(({ name, algorithm, windowMs, quota }) => {
    return [name, algorithm, windowMs, algorithm === 'ring' ? quota.extra : 0];
  });
  const digest = createHash('sha256')
    .update(JSON.stringify([limiterName, identity]))
    .digest('base64url');
  return {
    policies,
    id: digest.slice(0, 4),
    packed,
    fingerprint: packed.toString('latin1'),
    hasConcurrency: policies.some(({ algorithm }) => algorithm === 'concurrency'),
  };
}

/** The set in which each policy has the `instances`-th part of its limit, rounded down, at least 1. */
export function shareOf(set: PolicySet, instances: number): PolicySet {
  if (instances === 1) return set;
  const policies = set.policies.map((policy) => {
    const limit = Math.max(1, Math.floor(policy.limit / instances));
    const { period, extra } = policy.quota;
    const isBucket = algorithms[policy.algorithm].kind === 2;
    const size = Math.max(1, Math.floor(extra / PARTS / instances));
    return { ...policy, limit, quota: isBucket ? bucketQuota(limit, policy.windowMs, size) : { limit, period, extra } };
  });
  return policySet(policies, set.id);
}
