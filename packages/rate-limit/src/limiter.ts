// The limiter without HTTP: what can be asked about a key, by which names. How a question is answered: `deciding.ts`.

import { buildKey, clearPrefix } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import { checkCost, checkKey, checkMs } from './arguments.js';
import { Deciding, type Subject } from './deciding.js';
import { decisionOf, isUntouched, type Decision } from './decision.js';
import { HeavyKeys, type HeavyKey } from './heavy-keys.js';
import { resolveLimiterOptions, type LimiterSettings, type RateLimiterOptions } from './options.js';
import { resolvePolicies, type PolicyOptions, type PolicySet } from './policies.js';
import { releasedReservation, reservationOf, type Reservation } from './reservation.js';

/** What a decision may be told. */
export interface ConsumeOptions {
  /** Units, 0 to 1 000 000 000. @default 1 */
  readonly cost?: number | undefined;
  /** Policies in place of the limiter's: of a plan or a route. The same names, windows and algorithms keep the count. */
  readonly policies?: readonly PolicyOptions[] | undefined;
}

/** Counts keys against policies. Nothing here rejects because of a denial. */
export interface RateLimiter {
  /** Decides about `key`, and charges the cost to all policies when all admit it. Never rejects for want of Redis. */
  consume(key: string, options?: ConsumeOptions): Promise<Decision>;
  /**
   * The same for a cost that is known only afterwards: charges `estimate` until `settle(actual)`. What is not settled
   * within `leaseMs`, because the process crashed, goes back. Counts as one in flight for `concurrency`.
   */
  reserve(key: string, estimate: number, options?: Omit<ConsumeOptions, 'cost'>): Promise<Reservation>;
  /** Where `key` stands, without charging; `undefined` when nothing counts against it. @throws {StoreUnavailableError} */
  get(key: string, options?: ConsumeOptions): Promise<Decision | undefined>;
  /** Forgets what was counted, bans included; `true` when there was something. @throws {StoreUnavailableError} */
  delete(key: string, options?: ConsumeOptions): Promise<boolean>;
  /** Refuses `key` for `banMs` milliseconds. @throws {StoreUnavailableError} */
  ban(key: string, banMs: number, options?: ConsumeOptions): Promise<void>;
  /** Lifts a ban and forgets strikes; `true` when there was a ban. @throws {StoreUnavailableError} */
  unban(key: string, options?: ConsumeOptions): Promise<boolean>;
  /** The keys that this process was asked about most lately, denied or not. Costs no command. */
  top(count: number): HeavyKey[];
  /** Forgets all keys of the sets of policies that this process has used; scans. @returns how many Redis held */
  clear(): Promise<number>;
  /** Frees what this process remembers. The Redis client stays open. */
  close(): Promise<void>;
}

/**
 * Gives a limiter that can be asked from anywhere. Does no I/O.
 *
 * @throws {OptionError} when an option is refused
 *
 * @example
 * const limiter = createRateLimiter({ redis, limit: 10, windowMs: 1_000 });
 * const decision = await limiter.consume('job-runner');
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  return limiterFor(resolveLimiterOptions(options));
}

/** Gives the limiter for checked options. */
export function limiterFor(settings: LimiterSettings): RateLimiter {
  const { redis, set: fixedSet, name, prefix, penalty, leaseMs } = settings;
  const deciding = new Deciding(settings);
  const heavy = new HeavyKeys();
  const sets = new WeakMap<readonly PolicyOptions[], PolicySet>();
  const setIds = new Set(fixedSet === undefined ? [] : [fixedSet.id]);

  function setFor(policies: readonly PolicyOptions[] | undefined): PolicySet {
    if (policies === undefined) return fixedSet ?? resolvePolicies(policies, name);
    const set = sets.get(policies) ?? resolvePolicies(policies, name);
    sets.set(policies, set);
    setIds.add(set.id);
    return set;
  }

  function subjectOf(key: string, policies: readonly PolicyOptions[] | undefined): Subject {
    const set = setFor(policies);
    return { key, redisKey: buildKey(prefix + set.id, key), set };
  }

  return {
    async consume(key, { cost = 1, policies } = {}) {
      checkKey(key);
      checkCost('cost', cost);
      const subject = subjectOf(key, policies);
      heavy.add(key, cost);
      const [decision] = await deciding.decide(subject, { mode: 'consume', cost, penalty });
      return decision;
    },

    async reserve(key, estimate, { policies } = {}) {
      checkKey(key);
      checkCost('estimate', estimate);
      const subject = subjectOf(key, policies);
      heavy.add(key, estimate);
      const id = randomBytes(8).toString('latin1');
      const leaseMicros = leaseMs * 1000;
      const lease = { mode: 'lease', cost: estimate, penalty, id, leaseMicros, refundable: estimate } as const;
      const [decision, source] = await deciding.decide(subject, lease);
      // Without a count there is nothing to settle.
      if (!decision.isAllowed || decision.policies.length === 0) return releasedReservation(decision);
      return reservationOf(decision, (actual) => deciding.settle(subject, id, estimate, actual, source));
    },

    async get(key, { cost = 1, policies } = {}) {
      const subject = subjectOf(key, policies);
      const reply = await deciding.order(subject, { mode: 'peek', cost });
      return isUntouched(reply) ? undefined : decisionOf(reply, subject.set, key, cost, true);
    },

    delete: async (key, { policies } = {}) => deciding.delete(subjectOf(key, policies).redisKey),

    async ban(key, banMs, { policies } = {}) {
      checkMs('banMs', banMs);
      const subject = subjectOf(key, policies);
      const command = { mode: 'ban', cost: 0, banMicros: banMs * 1000 } as const;
      await deciding.order(subject, command);
      deciding.orderLocally(subject, command);
      deciding.forgetAnswers(subject.redisKey);
    },

    async unban(key, { policies } = {}) {
      const subject = subjectOf(key, policies);
      const command = { mode: 'ban', cost: 0, banMicros: 0 } as const;
      const [status] = await deciding.order(subject, { mode: 'peek', cost: 0 });
      await deciding.order(subject, command);
      deciding.orderLocally(subject, command);
      deciding.forgetAnswers(subject.redisKey);
      return status === 2;
    },

    top: (count) => heavy.top(count),

    async clear() {
      deciding.clear();
      let removed = 0;
      for (const id of setIds) removed += await clearPrefix(redis, prefix + id);
      return removed;
    },

    async close() {
      deciding.clear();
      heavy.clear();
    },
  };
}
