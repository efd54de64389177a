// Finds the keys that ask most, in bounded memory (the algorithm of Misra and Gries, in batches): a count is never too
// high, and too low by at most 1/512 of everything that was counted. Counts fade by half each minute.

const CAPACITY = 512;
const HALF_LIFE_MS = 60_000;

/** A key and how often this process was asked about it lately. */
export interface HeavyKey {
  readonly key: string;
  /** Units asked for, of which each minute forgets half. */
  readonly cost: number;
}

/** Counts keys by what they ask for. */
export class HeavyKeys {
  #counts = new Map<string, number>();
  #halvedAt: number;
  readonly #now: () => number;

  /** @param now monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#halvedAt = now();
  }

  add(key: string, cost: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + cost);
    if (this.#counts.size > 2 * CAPACITY) this.#shrink();
  }

  /** The heaviest `count` keys, heaviest first. */
  top(count: number): HeavyKey[] {
    this.#fade();
    const keys = [...this.#counts].map(([key, cost]) => ({ key, cost: Math.round(cost) }));
    return keys.toSorted((a, b) => b.cost - a.cost).slice(0, count);
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Takes the weight of the first key that does not fit from every key; those that have no more are forgotten. */
  #shrink(): void {
    this.#fade();
    const sorted = [...this.#counts.values()].toSorted((a, b) => b - a);
    const weight = sorted[CAPACITY] ?? 0;
    const kept = [...this.#counts].filter(([, cost]) => cost > weight);
    this.#counts = new Map(kept.map(([key, cost]) => [key, cost - weight]));
  }

  #fade(): void {
    const halvings = Math.floor((this.#now() - this.#halvedAt) / HALF_LIFE_MS);
    if (halvings <= 0) return;
    this.#halvedAt += halvings * HALF_LIFE_MS;
    for (const [key, cost] of this.#counts) this.#counts.set(key, cost / 2 ** halvings);
  }
}
