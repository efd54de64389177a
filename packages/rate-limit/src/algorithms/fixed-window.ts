// A window opens with the first request and admits `limit` requests until it ends.
// Worst case in any rolling window: 2 × limit − 1 (all but one at the end of a window, all at the start of the next).

import type { Policy, Verdict } from '../decision.js';
import type { Counter } from './counter.js';

/** Counts one key in fixed windows. */
export class FixedWindow implements Counter {
  readonly #policy: Policy;
  #start = 0;
  #count = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  take(now: number): Verdict {
    const { limit, windowMs } = this.#policy;
    if (this.#count === 0 || this.#start > now) this.#start = now;
    if (now - this.#start >= windowMs) {
      this.#start = now;
      this.#count = 0;
    }
    const isAllowed = this.#count < limit;
    if (isAllowed) this.#count += 1;
    const resetMs = this.#start + windowMs - now;
    const remaining = limit - this.#count;
    return { isAllowed, remaining, resetMs, retryAfterMs: remaining > 0 ? 0 : resetMs };
  }
}
