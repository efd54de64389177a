// The words in which every part of the package speaks about a decision. Durations only: a moment would have to be compared
// with a clock, and the client's and the server's differ.

import type { PolicySet, QuotaUnit } from './policies.js';

/** One policy's part of a decision. */
export interface PolicyVerdict {
  readonly name: string;
  /** Units per window. */
  readonly limit: number;
  readonly windowMs: number;
  /** What is counted. */
  readonly unit: QuotaUnit;
  /** Units that would be admitted at once. */
  readonly remaining: number;
  /** Milliseconds until the whole limit is back if nothing else is admitted; 0 when it is. */
  readonly resetMs: number;
  /** Milliseconds until this policy would admit the same cost; 0 when it does. */
  readonly retryAfterMs: number;
  readonly isAllowed: boolean;
}

/** What was decided about one request. */
export interface Decision {
  /** `degraded`: Redis could not decide; `isAllowed` says what `onStoreFailure` made of it. */
  readonly outcome: 'allowed' | 'denied' | 'degraded';
  readonly isAllowed: boolean;
  readonly key: string;
  /** Units that were asked for. */
  readonly cost: number;
  /** In the order of the option; empty when degraded by `'open'` or `'closed'`, and when `blocked`. */
  readonly policies: readonly PolicyVerdict[];
  /** Why it was not an ordinary admission. */
  readonly reason?: 'limit' | 'banned' | 'blocked' | 'store-failure';
  /** Milliseconds until it would be admitted, by the policies and the ban; 0 when allowed. */
  readonly retryAfterMs: number;
}

const toMs = (micros: number) => Math.ceil(micros / 1000);

/** Reads a reply of the script, or of its twin, as a decision about `cost` units for `key`. */
export function decisionOf(
  reply: readonly number[],
  set: PolicySet,
  key: string,
  cost: number,
  isPeek = false,
): Decision {
  const status = reply[0] ?? 0;
  const banMicros = reply[1] ?? 0;
  const isAllowed = status === 1;
  const policies = set.policies.map(({ name, limit, windowMs, unit, algorithm }, index): PolicyVerdict => {
    const at = 3 * index + 2;
    const free = reply[at] ?? 0;
    const reset = reply[at + 1] ?? 0;
    const retry = reply[at + 2] ?? 0;
    const charged = isPeek || !isAllowed ? 0 : algorithm === 'concurrency' ? 1 : cost;
    const remaining = Math.min(limit, Math.max(0, free - charged));
    return {
      name,
      limit,
      windowMs,
      unit,
      remaining,
      resetMs: toMs(reset),
      retryAfterMs: toMs(retry),
      isAllowed: retry === 0,
    };
  });
  if (isAllowed) return { outcome: 'allowed', isAllowed, key, cost, policies, retryAfterMs: 0 };
  const reason = status === 2 ? 'banned' : 'limit';
  // At least 1 s when no policy says how long: so many requests in flight that none is counted any more.
  const longest = Math.max(toMs(banMicros), ...policies.map(({ retryAfterMs }) => retryAfterMs));
  return { outcome: 'denied', isAllowed, key, cost, policies, reason, retryAfterMs: longest === 0 ? 1000 : longest };
}

/** Whether a peek shows that nothing counts against the client. */
export function isUntouched(reply: readonly number[]): boolean {
  return reply[0] === 1 && reply.every((value, index) => index < 2 || index % 3 !== 0 || value === 0);
}
