// Answers a client that is over its limit without asking Redis again: synchronously, with no command. Safe, because a
// rejection changes nothing: until `retryAfterMs` has passed, Redis would say the same. What can make it wrong is a refund
// or a reset: those of this process remove the entry; those of another are seen after `maxMs`.

import type { Decision } from './decision.js';
import type { PolicySet } from './policies.js';
import { RecentMap } from './recent-map.js';

const MAX_KEYS = 10_000;

interface Denial {
  readonly decision: Decision;
  readonly fingerprint: string;
  readonly at: number;
  readonly until: number;
}

/** Remembers denials, a bounded number of them. */
export class DeniedCache {
  readonly #denials: RecentMap<Denial>;
  readonly #maxMs: number;
  readonly #now: () => number;

  /**
   * @param maxMs how long a denial is taken for true at most; 0 remembers nothing
   * @param now monotonic clock in milliseconds
   */
  constructor(maxMs: number, now: () => number = () => performance.now(), maxKeys = MAX_KEYS) {
    this.#maxMs = maxMs;
    this.#now = now;
    this.#denials = new RecentMap(maxKeys);
  }

  /** The denial that Redis would repeat, with the time that has passed taken off; `undefined` when it must be asked. */
  get(redisKey: string, set: PolicySet, cost: number): Decision | undefined {
    const denial = this.#denials.get(redisKey);
    if (denial === undefined) return undefined;
    const now = this.#now();
    if (now >= denial.until || denial.fingerprint !== set.fingerprint) {
      this.#denials.delete(redisKey);
      return undefined;
    }
    // Less may still be admitted. A ban is for every cost.
    if (cost < denial.decision.cost && denial.decision.reason !== 'banned') return undefined;
    return later(denial.decision, cost, Math.floor(now - denial.at));
  }

  /**
   * Remembers a denial by Redis, when it can be relied on.
   *
   * @param at when Redis was asked: counted from the answer, a slow one would hold the client back for longer than Redis
   */
  remember(redisKey: string, set: PolicySet, decision: Decision, at = this.#now()): void {
    if (this.#maxMs === 0 || decision.outcome !== 'denied') return;
    // A place among the requests in flight may become free at any moment.
    const isFleeting = decision.policies.some(({ unit, isAllowed }) => unit === 'concurrent-requests' && !isAllowed);
    if (isFleeting && decision.reason !== 'banned') return;
    const until = at + Math.min(this.#maxMs, decision.retryAfterMs - 1);
    if (until > at) this.#denials.set(redisKey, { decision, fingerprint: set.fingerprint, at, until });
  }

  delete(redisKey: string): void {
    this.#denials.delete(redisKey);
  }

  clear(): void {
    this.#denials.clear();
  }
}

function later(decision: Decision, cost: number, passedMs: number): Decision {
  const less = (ms: number) => (ms === 0 ? 0 : Math.max(1, ms - passedMs));
  const policies = decision.policies.map((policy) => {
    return { ...policy, resetMs: less(policy.resetMs), retryAfterMs: less(policy.retryAfterMs) };
  });
  return { ...decision, cost, policies, retryAfterMs: less(decision.retryAfterMs) };
}
