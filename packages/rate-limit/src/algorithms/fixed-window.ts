// A window opens with an admission and admits `limit` until it ends.
// Worst case in any rolling window: 2 × limit − 1 (all but one at the end of a window, all at the start of the next).

import { MAX_COUNT, type Rule } from './rule.js';

/** The algorithm `fixed-window`. */
export const fixedWindow: Rule<{ start: number; count: number }> = {
  advance(state, { period }, { now, shift }) {
    if (state === undefined || state.count === 0 || now - (state.start - shift) >= period)
      return { start: now, count: 0 };
    return { start: state.start - shift, count: state.count };
  },

  refund(state, _quota, _moment, amount, at) {
    if (at >= state.start) state.count = Math.max(0, state.count - amount);
  },

  weigh({ start, count }, { limit, period }, { now }, _cost, asked) {
    const reset = start + period - now;
    return { free: limit - count, reset, idle: count > 0 ? reset : 0, retry: asked > limit ? period : reset };
  },

  charge(state, _quota, _moment, cost) {
    state.count = Math.min(MAX_COUNT, state.count + cost);
  },
};
