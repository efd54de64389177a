// Those duplicates of one process that wait for one record with one payload. They ask Redis as one.
//
//   asleep ──called, lease over, or a second──► asking ──running──► asleep
//     └──────────nobody waits any more──────► over ◄──any answer──────┘

import { newOwner, type Claim, type RecordStore } from './record-store.js';
import type { ClaimReply } from './scripts/claim.js';

/** How long a lost message can delay an answer. */
const LOOK_MS = 1_000;
/** The same while nothing can be heard. */
const DEAF_MS = 100;

/** What a wait ends with. */
export interface WaitEnd {
  /** `running` when the time was up. */
  readonly reply: ClaimReply;
  /** The claim that was granted, when the reply says so. */
  readonly claim: Claim;
  readonly sentAt: number;
}

/** Tells one of them. */
export type Settle = (end: WaitEnd | Error | undefined) => void;

/** What a group is made of. */
export interface WaitingGroupOptions {
  readonly claim: Claim;
  readonly reply: Extract<ClaimReply, { outcome: 'running' }>;
  readonly store: RecordStore;
  /** Whether the end of the request would be heard. */
  readonly isHearing: () => boolean;
  /** Called at once when nobody waits any more: the group must not be joined then. */
  readonly onEmpty: () => void;
}

export class WaitingGroup {
  readonly #options: WaitingGroupOptions;
  readonly #waiters = new Set<Settle>();
  #reply: WaitingGroupOptions['reply'];
  #isCalled = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: WaitingGroupOptions) {
    this.#options = options;
    this.#reply = options.reply;
  }

  /** What Redis said last. */
  get reply(): WaitingGroupOptions['reply'] {
    return this.#reply;
  }

  add(settle: Settle): void {
    this.#waiters.add(settle);
  }

  remove(settle: Settle): void {
    this.#waiters.delete(settle);
    if (this.#waiters.size === 0) this.wake();
  }

  /** Lets the group ask now. */
  wake(): void {
    this.#isCalled = true;
    this.#wakeUp?.();
  }

  /** Ends all waits with what is known. */
  dissolve(): void {
    this.#settleAll({ reply: this.#reply, claim: this.#options.claim, sentAt: 0 });
    this.wake();
  }

  /** Asks until nobody waits any more. Never rejects. */
  async run(isToAskAtOnce: boolean): Promise<void> {
    this.#isCalled = isToAskAtOnce;
    do {
      await this.#sleep();
      if (this.#waiters.size > 0) await this.#ask();
    } while (this.#waiters.size > 0);
    this.#options.onEmpty();
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      const longestMs = this.#options.isHearing() ? LOOK_MS : DEAF_MS;
      const ms = this.#isCalled ? 0 : Math.min(this.#reply.remainingMs + 1, longestMs);
      const timer = setTimeout(resolve, ms).unref();
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #ask(): Promise<void> {
    this.#isCalled = false;
    const claim = { ...this.#options.claim, owner: newOwner() };
    const sentAt = performance.now();
    try {
      const reply = await this.#options.store.claim(claim, true);
      if (reply.outcome === 'running') this.#reply = reply;
      else if (reply.outcome === 'claimed') this.#giveToOne({ reply, claim, sentAt });
      else this.#settleAll({ reply, claim, sentAt });
    } catch (error) {
      this.#settleAll(error instanceof Error ? error : new Error('claim failed', { cause: error }));
    }
  }

  #giveToOne(end: WaitEnd): void {
    const [first] = this.#waiters;
    if (first === undefined) {
      // All have left meanwhile. Should this fail, the lease frees the record.
      this.#options.store.release(end.claim).catch(() => undefined);
      return;
    }
    this.#waiters.delete(first);
    // The others wait for this one now: Redis is to know, so that its end is published too.
    this.#isCalled = true;
    first(end);
  }

  #settleAll(end: WaitEnd | Error): void {
    const all = [...this.#waiters];
    this.#waiters.clear();
    for (const settle of all) settle(end);
  }
}
