// Stands in for Redis while it does not answer: the same rules, counted by this process alone with its share of each limit.

import type { DecideCommand } from './decide-command.js';
import { decide, type Frame } from './decide.js';
import { RecentMap } from './recent-map.js';
import { shareOf, type PolicySet } from './policies.js';

/** Keys beyond this number push out the one that was asked for longest ago. */
const MAX_KEYS = 10_000;

/** Decides in memory about a bounded number of keys. */
export class LocalLimiter {
  readonly #frames: RecentMap<Frame>;
  readonly #instances: number;
  readonly #now: () => number;
  readonly #shares = new WeakMap<PolicySet, PolicySet>();

  /** @param now monotonic clock in milliseconds */
  constructor(instances: number, now: () => number = () => performance.now(), maxKeys = MAX_KEYS) {
    this.#instances = instances;
    this.#now = now;
    this.#frames = new RecentMap(maxKeys);
  }

  /** What the script would reply, by this process's share. */
  decide(key: string, set: PolicySet, command: DecideCommand): readonly number[] {
    const { reply, frame } = decide(this.#frames.get(key), this.shareOf(set), command, Math.floor(this.#now() * 1000));
    if (frame !== undefined) this.#frames.set(key, frame);
    return reply;
  }

  /** The policies with this process's share of each limit. */
  shareOf(set: PolicySet): PolicySet {
    const share = this.#shares.get(set) ?? shareOf(set, this.#instances);
    this.#shares.set(set, share);
    return share;
  }

  delete(key: string): boolean {
    return this.#frames.delete(key);
  }

  clear(): void {
    this.#frames.clear();
  }
}
