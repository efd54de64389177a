// A bucket that holds `burst` units and refills evenly, `limit` per window; a charge takes its cost out. Counted is what is
// missing, in 1/65536 of a unit, rounded so that never more flows in than should. Token bucket and GCRA (the leaky bucket
// as a meter) are this one rule under two names with two default bursts.
// Worst case in any rolling window: burst + limit − 1 (the full bucket, and what flows in meanwhile).

import type { Rule } from './rule.js';

/** Parts of a unit that are counted. */
export const PARTS = 65_536;
/** The debt is written in 48 bits; only settlements far above the limit come near. */
const MAX_DEBT = 2 ** 48 - 1;

/** The algorithms `token-bucket` and `gcra`. */
export const bucket: Rule<{ debt: number }> = {
  advance(state, { period }, { now, last }) {
    if (state === undefined) return { debt: 0 };
    return { debt: Math.max(0, state.debt - Math.floor((now - last) * period)) };
  },

  refund(state, { period }, { now }, amount, at) {
    // What has flowed in since the charge would have flowed over without it.
    const parts = Math.min(state.debt, amount * PARTS - Math.floor((now - at) * period));
    if (parts > 0) state.debt -= parts;
  },

  weigh({ debt }, { limit, period, extra }, _moment, cost, asked) {
    const owed = debt + cost * PARTS;
    return {
      free: Math.floor((extra - debt) / PARTS),
      reset: Math.ceil(owed / period),
      idle: Math.ceil(debt / period),
      retry:
        asked * PARTS > extra
          ? Math.floor((limit * PARTS) / period)
          : 1 - Math.floor((extra - debt - asked * PARTS) / period),
    };
  },

  charge(state, _quota, _moment, cost) {
    state.debt = Math.min(MAX_DEBT, state.debt + cost * PARTS);
  },
};
