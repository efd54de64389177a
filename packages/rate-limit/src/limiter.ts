// Decides about keys, without HTTP: asks Redis under a deadline, and falls back to the policy for its failure.

import { buildKey, clearPrefix, createEventSink, createStoreGuard, StoreUnavailableError } from '@sallyport/core';
import { randomBytes } from 'node:crypto';
import { argumentsFor, decideScript, type DecideCommand } from './decide-command.js';
import { decisionOf, isUntouched, type Decision } from './decision.js';
import { DeniedCache } from './denied-cache.js';
import type { DecisionEvent, RateLimitEvent } from './events.js';
import { HeavyKeys, type HeavyKey } from './heavy-keys.js';
import { LocalLimiter } from './local-limiter.js';
import { PermitBlocks } from './permit-blocks.js';
import { resolveLimiterOptions, type LimiterSettings, type RateLimiterOptions } from './options.js';
import { PACKAGE_NAME, resolvePolicies, type PolicyOptions, type PolicySet } from './policies.js';
import { checkCost, checkKey, checkMs } from './arguments.js';
import { releasedReservation, reservationOf, type Reservation } from './reservation.js';
import { sendOnce } from './send-once.js';

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
  const {
    redis,
    set: fixedSet,
    name,
    prefix,
    penalty,
    onStoreFailure,
    deadlineMs,
    onEvent,
    leaseMs,
    shadow = false,
  } = settings;
  const guard = createStoreGuard({ redis, packageName: PACKAGE_NAME, deadlineMs });
  // A block and, when it does not fit, a single permit: both together within the deadline.
  const halfGuard = createStoreGuard({ redis, packageName: PACKAGE_NAME, deadlineMs: Math.ceil(deadlineMs / 2) });
  const blocks = settings.blocks && fixedSet && new PermitBlocks(settings.blocks, fixedSet);
  const once = sendOnce(redis);
  const events = createEventSink<RateLimitEvent>(PACKAGE_NAME, onEvent);
  const local = new LocalLimiter(settings.instances);
  // Each rejection must reach Redis where it counts as a strike.
  const denied = new DeniedCache(penalty === undefined ? settings.deniedCacheMs : 0);
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

  const keyOf = (set: PolicySet, key: string) => buildKey(prefix + set.id, key);
  const send = (redisKey: string, set: PolicySet, command: DecideCommand, by = guard) =>
    by.run(() => decideScript.run(once, [redisKey], argumentsFor(set, command)));

  function report(decision: Decision, source: DecisionEvent['source']): Decision {
    if (events.isActive) {
      events.emit({ type: decision.outcome, name, key: decision.key, decision, source, isShadow: shadow });
    }
    return decision;
  }

  /** One decision, and where it was made. */
  async function ask(
    key: string,
    set: PolicySet,
    command: DecideCommand,
  ): Promise<[Decision, DecisionEvent['source']]> {
    const redisKey = keyOf(set, key);
    const { cost } = command;
    heavy.add(key, cost);
    const leased = set === fixedSet && command.mode === 'consume' && cost === 1 ? blocks : undefined;
    const held = leased?.take(redisKey);
    if (held !== undefined) return [report(held, 'block'), 'block'];
    const known = denied.get(redisKey, set, cost);
    if (known !== undefined) return [report(known, 'denied-cache'), 'denied-cache'];
    const askedAt = performance.now();
    try {
      const claim = leased?.claim(redisKey, key, (size) =>
        send(redisKey, set, { mode: 'consume', cost: size }, halfGuard),
      );
      const by = claim === undefined ? guard : halfGuard;
      const decision = (await claim) ?? decisionOf(await send(redisKey, set, command, by), set, key, cost);
      denied.remember(redisKey, set, decision, askedAt);
      return [report(decision, 'redis'), 'redis'];
    } catch (error) {
      // The guard rejects with nothing else; anything else is a defect that must be seen.
      if (!(error instanceof StoreUnavailableError)) throw error;
      events.emit({ type: 'store-failure', name, key, policy: onStoreFailure, reason: error.reason, error });
      return [report(degraded(key, redisKey, set, command), 'local'), 'local'];
    }
  }

  function degraded(key: string, redisKey: string, set: PolicySet, command: DecideCommand): Decision {
    if (onStoreFailure === 'local') {
      const decision = decisionOf(local.decide(redisKey, set, command), local.shareOf(set), key, command.cost);
      return decision.isAllowed
        ? { ...decision, outcome: 'degraded', reason: 'store-failure' }
        : { ...decision, outcome: 'degraded' };
    }
    const isAllowed = onStoreFailure === 'open';
    const retryAfterMs = isAllowed ? 0 : 1000;
    return {
      outcome: 'degraded',
      isAllowed,
      key,
      cost: command.cost,
      policies: [],
      reason: 'store-failure',
      retryAfterMs,
    };
  }

  async function settle(
    key: string,
    set: PolicySet,
    id: string,
    estimate: number,
    actual: number,
    source: string,
  ): Promise<boolean> {
    const redisKey = keyOf(set, key);
    const command: DecideCommand = { mode: 'settle', cost: 0, id, actual };
    let isRecorded = false;
    try {
      const [status] = source === 'local' ? local.decide(redisKey, set, command) : await send(redisKey, set, command);
      isRecorded = status === 3;
    } catch (error) {
      // The lease ends by itself: nothing is lost but the difference.
      if (!(error instanceof StoreUnavailableError)) throw error;
      events.emit({ type: 'store-failure', name, key, policy: onStoreFailure, reason: error.reason, error });
    }
    denied.delete(redisKey);
    if (events.isActive) events.emit({ type: 'settled', name, key, estimate, actual, isRecorded });
    return isRecorded;
  }

  return {
    async consume(key, { cost = 1, policies } = {}) {
      const set = setFor(policies);
      checkKey(key);
      checkCost('cost', cost);
      const [decision] = await ask(key, set, { mode: 'consume', cost, penalty });
      return decision;
    },

    async reserve(key, estimate, { policies } = {}) {
      const set = setFor(policies);
      checkKey(key);
      checkCost('estimate', estimate);
      const id = randomBytes(8).toString('latin1');
      const lease = {
        mode: 'lease',
        cost: estimate,
        penalty,
        id,
        leaseMicros: leaseMs * 1000,
        refundable: estimate,
      } as const;
      const [decision, source] = await ask(key, set, lease);
      // Without a count there is nothing to settle.
      if (!decision.isAllowed || decision.policies.length === 0) return releasedReservation(decision);
      return reservationOf(decision, (actual) => settle(key, set, id, estimate, actual, source));
    },

    async get(key, { cost = 1, policies } = {}) {
      const set = setFor(policies);
      const reply = await send(keyOf(set, key), set, { mode: 'peek', cost });
      const decision = decisionOf(reply, set, key, cost, true);
      return isUntouched(reply) ? undefined : decision;
    },

    async delete(key, { policies } = {}) {
      const redisKey = keyOf(setFor(policies), key);
      const hadLocal = local.delete(redisKey);
      denied.delete(redisKey);
      blocks?.delete(redisKey);
      return Number(await guard.run(() => redis.call('unlink', redisKey))) > 0 || hadLocal;
    },

    async ban(key, banMs, { policies } = {}) {
      const set = setFor(policies);
      checkMs('banMs', banMs);
      const command = { mode: 'ban', cost: 0, banMicros: banMs * 1000 } as const;
      const redisKey = keyOf(set, key);
      await send(redisKey, set, command);
      local.decide(redisKey, set, command);
      blocks?.delete(redisKey);
    },

    async unban(key, { policies } = {}) {
      const set = setFor(policies);
      const redisKey = keyOf(set, key);
      denied.delete(redisKey);
      const [status] = await send(redisKey, set, { mode: 'peek', cost: 0 });
      await send(redisKey, set, { mode: 'ban', cost: 0, banMicros: 0 });
      local.decide(redisKey, set, { mode: 'ban', cost: 0, banMicros: 0 });
      return status === 2;
    },

    top: (count) => heavy.top(count),

    async clear() {
      local.clear();
      denied.clear();
      blocks?.clear();
      let removed = 0;
      for (const id of setIds) removed += await clearPrefix(redis, prefix + id);
      return removed;
    },

    async close() {
      local.clear();
      denied.clear();
      blocks?.clear();
      heavy.clear();
    },
  };
}
