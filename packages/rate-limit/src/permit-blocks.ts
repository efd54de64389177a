// Answers a hot key from permits that this process has charged before, in one command for `size` of them. Debit first:
// what a process may give out is counted in Redis already, so that the fleet never admits more than the limit.
//
//   asked often enough ──► purchase (one charge of `size`) ──► block ──► permits, until `usableUntil`
//
// A permit counts from when it was charged, and is used later. That is the same only as long as the charge still counts a
// whole window after the use: of a ring to the end of the tick, of a fixed window to its end. The reply says how long that
// is. What is left then is lost: at most `size` − 1 permits per process and key, and only a key in constant use has a block.

import type { BlockSettings } from './block-options.js';
import { decisionOf, type Decision } from './decision.js';
import { TICKS } from './algorithms/ring.js';
import type { PolicySet } from './policies.js';
import { RecentMap } from './recent-map.js';

const MAX_KEYS = 10_000;
/** A key is hot when it uses so many blocks in the time that one may be held; so what is lost is little. */
const HOT_BLOCKS = 4;
/** Two clocks do not run at one speed: a hundredth of the time is kept back. */
const CLOCK_MARGIN = 0.99;

/** Charges `size` units in Redis and gives the reply of the script. */
export type Order = (size: number) => Promise<readonly number[]>;

interface Purchase {
  claims: number;
  /** Known once it is delivered. */
  usableUntil: number;
  readonly result: Promise<Decision | undefined>;
}

interface Entry {
  /** Beginning of the time in which `asked` is counted, and whether the key was hot in the time before. */
  since: number;
  asked: number;
  wasHot: boolean;
  /** Until then no block is asked for: the last one did not fit. */
  refusedUntil: number;
  left: number;
  decision: Decision | undefined;
  boughtAt: number;
  usableUntil: number;
  purchase: Purchase | undefined;
}

/** The blocks of one limiter, a bounded number of them. */
export class PermitBlocks {
  readonly #entries: RecentMap<Entry>;
  readonly #size: number;
  readonly #holdMs: number;
  readonly #set: PolicySet;
  readonly #now: () => number;

  /** @param now monotonic clock in milliseconds */
  constructor(
    { size, holdMs }: BlockSettings,
    set: PolicySet,
    now: () => number = () => performance.now(),
    maxKeys = MAX_KEYS,
  ) {
    this.#entries = new RecentMap(maxKeys);
    this.#size = size;
    this.#set = set;
    this.#now = now;
    const ticks = set.policies.map(({ algorithm, windowMs }) => (algorithm === 'ring' ? windowMs / TICKS : windowMs));
    this.#holdMs = Math.min(holdMs, ...ticks);
  }

  /** A permit that is held for `redisKey`; `undefined` when there is none. To be called once for each decision. */
  take(redisKey: string): Decision | undefined {
    const now = this.#now();
    const entry = this.#entries.get(redisKey) ?? this.#begin(redisKey, now);
    if (now - entry.since >= this.#holdMs) {
      entry.wasHot = this.#isBusy(entry) && now - entry.since < 2 * this.#holdMs;
      entry.since = now;
      entry.asked = 0;
    }
    entry.asked += 1;
    if (entry.left === 0 || entry.decision === undefined || now >= entry.usableUntil) return undefined;
    entry.left -= 1;
    return permit(entry.decision, entry.left, now - entry.boughtAt);
  }

  /**
   * A permit of a block that is being bought, by one command for all who ask meanwhile; resolves to `undefined` when the
   * block does not fit. `undefined` when the key is not hot: then the one permit is to be charged alone.
   *
   * @returns a promise that rejects as `order` does
   */
  claim(redisKey: string, key: string, order: Order): Promise<Decision | undefined> | undefined {
    const now = this.#now();
    const entry = this.#entries.get(redisKey);
    if (entry === undefined || now < entry.refusedUntil || !(entry.wasHot || this.#isBusy(entry))) return undefined;
    const current = entry.purchase;
    const isJoining = current !== undefined && current.claims < this.#size;
    const purchase = isJoining ? current : this.#buy(entry, key, order, now);
    purchase.claims += 1;
    const left = this.#size - purchase.claims;
    return purchase.result.then((decision) => {
      // Who asked before the charge is admitted by it. Who joined may have come after it, and uses a permit like any later.
      if (isJoining && this.#now() >= purchase.usableUntil) return undefined;
      return decision && permit(decision, left, 0);
    });
  }

  delete(redisKey: string): void {
    this.#entries.delete(redisKey);
  }

  clear(): void {
    this.#entries.clear();
  }

  #begin(redisKey: string, now: number): Entry {
    const none = { left: 0, decision: undefined, boughtAt: 0, usableUntil: 0, purchase: undefined };
    const entry: Entry = { since: now, asked: 0, wasHot: false, refusedUntil: 0, ...none };
    this.#entries.set(redisKey, entry);
    return entry;
  }

  #isBusy({ asked }: Entry): boolean {
    return asked >= HOT_BLOCKS * this.#size;
  }

  #buy(entry: Entry, key: string, order: Order, sentAt: number): Purchase {
    const deliver = (reply: readonly number[]): Decision | undefined => {
      if (entry.purchase === purchase) entry.purchase = undefined;
      if (reply[0] !== 1) {
        entry.refusedUntil = this.#now() + this.#holdMs;
        return undefined;
      }
      const decision = decisionOf(reply, this.#set, key, this.#size);
      const left = this.#size - purchase.claims;
      // From when the order was sent, which is before the charge.
      purchase.usableUntil = sentAt + this.#usableMs(reply);
      // A block that was bought for those who claimed alone leaves nothing.
      const { usableUntil } = purchase;
      if (left > 0) Object.assign(entry, { left, decision, boughtAt: sentAt, usableUntil });
      return decision;
    };
    const purchase: Purchase = {
      claims: 0,
      usableUntil: 0,
      result: order(this.#size).then(deliver, (error: unknown) => {
        if (entry.purchase === purchase) entry.purchase = undefined;
        throw error;
      }),
    };
    entry.purchase = purchase;
    return purchase;
  }

  /** How long the permits of this reply may be used without that any window of uses exceeds what the algorithm allows. */
  #usableMs(reply: readonly number[]): number {
    const spans = this.#set.policies.map(({ algorithm, quota }, index) => {
      const reset = reply[3 * index + 3] ?? 0;
      return (algorithm === 'ring' ? reset - quota.period : reset) / 1000;
    });
    return Math.min(this.#holdMs, CLOCK_MARGIN * Math.min(...spans));
  }
}

/** The decision about one unit of a block of which `left` are left. */
function permit(block: Decision, left: number, passedMs: number): Decision {
  const policies = block.policies.map((policy) => ({
    ...policy,
    remaining: Math.min(policy.limit, policy.remaining + left),
    resetMs: Math.max(1, policy.resetMs - Math.floor(passedMs)),
  }));
  return { ...block, cost: 1, policies };
}
