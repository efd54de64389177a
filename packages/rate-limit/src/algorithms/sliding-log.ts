// Every admission is remembered for one window. Exact at the price of memory: 12 bytes for each admission.
// Worst case in any rolling window: limit.

import { MAX_COUNT, type Rule } from './rule.js';

interface Log {
  total: number;
  /** Oldest first. */
  entries: { at: number; cost: number }[];
}

/** The algorithm `sliding-log`. */
export const slidingLog: Rule<Log> = {
  advance(state, { period }, { now, shift }) {
    const next: Log = { total: state?.total ?? 0, entries: [] };
    for (const { at, cost } of state?.entries ?? []) next.entries.push({ at: at - shift, cost });
    for (let first = next.entries[0]; first !== undefined && now - first.at >= period; first = next.entries[0]) {
      next.total -= first.cost;
      next.entries.shift();
    }
    return next;
  },

  refund(state, _quota, _moment, amount, at) {
    let left = amount;
    for (const entry of state.entries) {
      if (entry.at !== at) continue;
      const part = Math.min(left, entry.cost);
      left -= part;
      entry.cost -= part;
      state.total -= part;
    }
  },

  weigh({ total, entries }, { limit, period }, { now }, cost, asked) {
    const newest = entries.at(-1)?.at;
    const free = limit - total;
    let retry = period;
    let need = asked <= limit ? asked - free : 0;
    for (const entry of entries) {
      if (need <= 0) break;
      need -= entry.cost;
      retry = entry.at + period - now;
    }
    const reset = (cost > 0 ? now : (newest ?? now)) + period - now;
    return { free, reset, idle: total > 0 && newest !== undefined ? newest + period - now : 0, retry };
  },

  charge(state, _quota, { now }, cost) {
    const fits = Math.min(cost, MAX_COUNT - state.total);
    if (fits === 0) return;
    state.total += fits;
    state.entries.push({ at: now, cost: fits });
  },
};
