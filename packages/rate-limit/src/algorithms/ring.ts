// A ring of buckets, each some 1/30 of the window long; the sum of all buckets that reach into the window is the count.
// A bucket is dropped when its last admission is older than the window, to the next 1/120 of it.
// Worst case in any rolling window: limit. Never more, at any moment: what lies within the window is always counted.

import { MAX_COUNT, type Quota, type Rule } from './rule.js';

interface Ring {
  total: number;
  /** Admitted in the bucket of the last write. */
  cur: number;
  /** Time of the last write. */
  before: number;
  /** Earlier buckets, oldest first, by the tick of their last admission. */
  tail: { tick: number; count: number }[];
}

/** How finely a bucket's age is told, in parts of the window. */
export const TICKS = 120;

const tickOf = ({ period }: Quota) => Math.floor((period + TICKS - 1) / TICKS);
const spanOf = (quota: Quota) => Math.floor((quota.period + tickOf(quota) - 1) / tickOf(quota));

/** The algorithm `ring`. */
export const ring: Rule<Ring> = {
  advance(state, quota, { now, last, shift }) {
    if (state === undefined) return { total: 0, cur: 0, before: now, tail: [] };
    const tick = tickOf(quota);
    const span = spanOf(quota);
    const index = Math.floor(now / tick);
    const before = Math.floor(last / tick);
    const moved = Math.floor((last + shift) / tick) - before;
    const next: Ring = {
      ...state,
      before: last,
      tail: state.tail.map(({ tick, count }) => ({ tick: tick - moved, count })),
    };
    if (next.cur > 0 && Math.floor(last / quota.extra) !== Math.floor(now / quota.extra)) {
      next.tail.push({ tick: before, count: next.cur });
      next.cur = 0;
    }
    if (index - before > span) return { ...next, total: next.cur, tail: [] };
    for (let first = next.tail[0]; first !== undefined && index - first.tick > span; first = next.tail[0]) {
      next.total -= first.count;
      next.tail.shift();
    }
    return next;
  },

  refund(state, quota, { now }, amount, at) {
    const tick = tickOf(quota);
    if (Math.floor(at / quota.extra) === Math.floor(now / quota.extra)) {
      const part = Math.min(amount, state.cur);
      state.cur -= part;
      state.total -= part;
      return;
    }
    const charged = Math.floor(at / tick);
    if (Math.floor(now / tick) - charged > spanOf(quota)) return;
    const bucket = state.tail.find((entry) => entry.tick >= charged);
    if (bucket === undefined) return;
    const part = Math.min(amount, bucket.count);
    bucket.count -= part;
    state.total -= part;
  },

  weigh({ total, cur, before, tail }, quota, { now }, _cost, asked) {
    const tick = tickOf(quota);
    const goneAfter = (index: number) => (index + spanOf(quota) + 1) * tick - now;
    const reset = goneAfter(Math.floor(now / tick));
    const newest = cur > 0 ? Math.floor(before / tick) : (tail.at(-1)?.tick ?? 0);
    const free = quota.limit - total;
    let retry = quota.period;
    if (asked > free && asked <= quota.limit) {
      let need = asked - free;
      for (const bucket of tail) {
        if (need <= 0) break;
        need -= bucket.count;
        retry = goneAfter(bucket.tick);
      }
      if (need > 0) retry = goneAfter(Math.floor(before / tick));
    }
    return { free, reset, idle: total === 0 ? 0 : goneAfter(newest), retry };
  },

  charge(state, _quota, _moment, cost) {
    const fits = Math.min(cost, MAX_COUNT - state.total);
    state.total += fits;
    state.cur += fits;
  },
};
