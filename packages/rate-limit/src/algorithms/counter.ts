import type { Verdict } from '../decision.js';

/**
 * Counts one key in memory: what the scripts do in Redis, for the time without Redis. Time is given in whole milliseconds
 * of any clock; when it steps back, the counter goes on from there and never blocks longer than its rules say.
 */
export interface Counter {
  /** Decides about one request and charges it when it is admitted. */
  take(now: number): Verdict;
}
