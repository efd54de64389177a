// Stands in for Redis while it does not answer: the same algorithm, counted by this process alone. It does not know what
// was counted in Redis, so an outage can give each process the limit once more.

import type { Counter } from './algorithms/counter.js';
import type { Verdict } from './decision.js';

/** Keys beyond this number push out the one that was asked for longest ago. */
const MAX_KEYS = 10_000;

/** Counts keys in memory, a bounded number of them. */
export class LocalLimiter {
  readonly #createCounter: () => Counter;
  readonly #now: () => number;
  readonly #maxKeys: number;
  /** Least recently asked first, which is how a Map iterates when each use inserts anew. */
  readonly #counters = new Map<string, Counter>();

  /** @param now monotonic clock in milliseconds */
  constructor(createCounter: () => Counter, now: () => number = () => performance.now(), maxKeys = MAX_KEYS) {
    this.#createCounter = createCounter;
    this.#now = now;
    this.#maxKeys = maxKeys;
  }

  /** Decides about one request for `key` and charges it when it is admitted. */
  take(key: string): Verdict {
    const counter = this.#counters.get(key) ?? this.#createCounter();
    this.#counters.delete(key);
    this.#counters.set(key, counter);
    const [leastRecent] = this.#counters.keys();
    if (this.#counters.size > this.#maxKeys && leastRecent !== undefined) this.#counters.delete(leastRecent);
    return counter.take(Math.floor(this.#now()));
  }

  delete(key: string): boolean {
    return this.#counters.delete(key);
  }

  clear(): void {
    this.#counters.clear();
  }
}
