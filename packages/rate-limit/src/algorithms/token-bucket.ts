// A bucket of `limit` tokens that refills evenly, `limit` per window; a request takes one. What is kept is the debt, the
// tokens that are missing, counted in 1/windowMs of a token: then a millisecond refills exactly `limit` of these, and
// nothing is ever rounded.
// Worst case in any rolling window: 2 × limit − 1 (the full bucket, and what flows in meanwhile).

import type { Policy, Verdict } from '../decision.js';
import type { Counter } from './counter.js';

/** Counts one key as tokens taken from a bucket. */
export class TokenBucket implements Counter {
  readonly #policy: Policy;
  #at = 0;
  #debt = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  take(now: number): Verdict {
    const { limit, windowMs } = this.#policy;
    const capacity = limit * windowMs;
    // Bounded before the multiplication, so that a long pause cannot leave the safe integers.
    const elapsed = Math.min(Math.max(0, now - this.#at), windowMs);
    const owed = Math.max(0, this.#debt - elapsed * limit);
    const isAllowed = owed + windowMs <= capacity;
    const debt = isAllowed ? owed + windowMs : owed;
    // A rejected request changes nothing, unless the clock has stepped back: then the refilling goes on from there.
    if (isAllowed || now < this.#at) {
      this.#at = now;
      this.#debt = debt;
    }
    const missing = Math.max(0, debt + windowMs - capacity);
    return {
      isAllowed,
      remaining: Math.floor((capacity - debt) / windowMs),
      resetMs: Math.ceil(debt / limit),
      retryAfterMs: Math.ceil(missing / limit),
    };
  }
}
