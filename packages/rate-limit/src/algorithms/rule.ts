// How an algorithm is written down in TypeScript: for the time without Redis, and as the model that the script is tested
// against. Pure: no I/O, no clock. All times are whole microseconds.

/**
 * The most that is counted: counts are written in 32 bits. Admissions end at the limit, so that only settlements, which
 * charge what was used however much it was, come near.
 */
export const MAX_COUNT = 2 ** 32 - 1;

/** One policy in the numbers that the algorithms work with. */
export interface Quota {
  /** Units per window. */
  readonly limit: number;
  /** Ring, windows, log: the window in µs. Buckets: what flows in per µs, in 1/65536 of a unit. Concurrency: the lease. */
  readonly period: number;
  /** Ring: µs per bucket. Buckets: their capacity in 1/65536 of a unit. */
  readonly extra: number;
}

/** When a decision is made, and what the state's times refer to. */
export interface Moment {
  readonly now: number;
  /** Time of the last write; never after `now`. */
  readonly last: number;
  /** By how much the clock jumped back since then; all remembered times move by it. */
  readonly shift: number;
}

/** Where a client stands under one policy. */
export interface Standing {
  /** Units that would be admitted at once; negative when a limit was lowered. */
  readonly free: number;
  /** µs until the whole limit is back once the cost is charged. */
  readonly reset: number;
  /** The same without the charge. */
  readonly idle: number;
  /** µs until the cost would be admitted; only when `asked > free`. */
  readonly retry: number;
}

/** One algorithm over its state. `State` is never changed but by `refund` and `charge`. */
export interface Rule<State> {
  /** The state at `moment`, as a copy: what is over is gone. `undefined` is the state of a new client. */
  advance(state: State | undefined, quota: Quota, moment: Moment): State;
  /** Gives back what was charged at the time `at`, as far as it still counts. */
  refund(state: State, quota: Quota, moment: Moment, amount: number, at: number): void;
  /** `cost` is what will be charged, `asked` what must be free for it: the same but for an estimate of 0, which asks for 1. */
  weigh(state: State, quota: Quota, moment: Moment, cost: number, asked: number): Standing;
  charge(state: State, quota: Quota, moment: Moment, cost: number): void;
}
