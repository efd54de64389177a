// Two windows. The current one opens with an admission; the one before fades while time passes since its end:
//
//   used = current + floor(previous × (period − µs since the previous window ended) / period)
//
//   ├── previous ──┤ gap ├── current ──┤      gap: nothing was admitted; the next admission opened the current window
//
// Worst case in any rolling window: 2 × limit − 1. It can touch two windows, but not their two first admissions, which are
// at least a window apart. (On a fixed grid it would be 2 × limit: two at once with a limit of 1.)

import { MAX_COUNT, type Quota, type Rule } from './rule.js';

interface Windows {
  start: number;
  current: number;
  previous: number;
  gap: number;
}

/** The windows as an admission at `now` finds them: when the current one is over, it is the previous one of a new window. */
function opened(state: Windows, { period }: Quota, now: number): Windows {
  const over = now - state.start - period;
  if (over >= period) return { start: now, current: 0, previous: 0, gap: 0 };
  return over >= 0 ? { start: now, current: 0, previous: state.current, gap: over } : state;
}

/** The algorithm `sliding-window`. */
export const slidingWindow: Rule<Windows> = {
  // A window is not opened here: only an admission does that.
  advance(state, _quota, { now, shift }) {
    if (state === undefined) return { start: now, current: 0, previous: 0, gap: 0 };
    return { ...state, start: state.start - shift };
  },

  refund(state, { period }, _moment, amount, at) {
    if (at >= state.start) state.current = Math.max(0, state.current - amount);
    else if (at >= state.start - state.gap - period) state.previous = Math.max(0, state.previous - amount);
  },

  weigh(state, quota, { now }, cost, asked) {
    const { limit, period } = quota;
    const { start, current, previous, gap } = opened(state, quota, now);
    const left = period - gap - (now - start);
    const untilEnd = period - (now - start);
    // 1e-6: rounding never makes the previous window lighter than it is.
    const faded = left > 0 ? Math.floor((previous * left) / period + 1e-6) : 0;
    /** µs that `count` must fade so that `allowed` of it are left at most. */
    const fading = (count: number, allowed: number) => 1 - Math.floor(((allowed + 1 - 2e-6) * period) / count);
    let idle = 0;
    if (current > 0) idle = untilEnd + period + fading(current, 0);
    else if (faded > 0) idle = left + fading(previous, 0);
    let retry = 2 * period;
    if (asked <= limit) {
      if (current + asked <= limit) retry = left + fading(previous, limit - asked - current);
      else if (current <= limit - asked) retry = untilEnd;
      else retry = untilEnd + period + fading(current, limit - asked);
    }
    const reset = untilEnd + period + fading(Math.max(1, current + cost), 0);
    return { free: limit - current - faded, reset, idle, retry: Math.max(1, retry) };
  },

  charge(state, quota, { now }, cost) {
    if (cost === 0) return;
    Object.assign(state, opened(state, quota, now));
    state.current = Math.min(MAX_COUNT, state.current + cost);
  },
};
