// The response fields of a decision. Durations in whole seconds, always rounded up: a client that comes back when it was
// told is admitted, unless it shares its limit with another.

import type { Verdict } from './decision.js';

/** Name and value of each field that tells a client where it stands. */
export function rateLimitFields(decision: Verdict & { readonly limit: number }): [name: string, value: string][] {
  return [
    ['X-RateLimit-Limit', String(decision.limit)],
    ['X-RateLimit-Remaining', String(decision.remaining)],
    ['X-RateLimit-Reset', String(Math.ceil(decision.resetMs / 1000))],
  ];
}

/** The value of `Retry-After` (RFC 9110 §10.2.3, delay-seconds). Never 0: clients that obey it would loop. */
export function retryAfter(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}
