// Where duplicates wait for the answer of the first request. Those of one process that wait for the same record ask Redis
// as one, when its end is published, and on a timer of their own in case that is not heard: at the end of the lease, and
// each second. A record that became free is claimed for one of them; the others go on waiting, now for that one.

import type { Response } from 'express';
import type { RedisClient } from '@sallyport/core';
import { claimName, type Claim, type RecordStore } from './record-store.js';
import type { ClaimReply } from './scripts/claim.js';
import { subscribe, type Subscription } from './subscription.js';
import { WaitingGroup, type Settle, type WaitEnd } from './waiting-group.js';

/** Ends that are remembered, for claims that were on their way meanwhile. */
const MAX_HEARD = 1_000;

/** A claim to which Redis has said that the request is running. */
export interface Duplicate {
  readonly claim: Claim;
  /** `performance.now()` when it was sent. */
  readonly sentAt: number;
  readonly reply: Extract<ClaimReply, { outcome: 'running' }>;
}

/** The duplicates that wait in this process. */
export class WaitingRoom {
  readonly #redis: RedisClient;
  readonly #store: RecordStore;
  readonly #groups = new Map<string, WaitingGroup>();
  /** Name of a group → when its end was last heard, oldest first. */
  readonly #heard = new Map<string, number>();
  /** Ends up to then may have been forgotten. */
  #forgottenAt = 0;
  #subscription: Subscription | undefined;
  #isClosed = false;

  constructor(redis: RedisClient, store: RecordStore) {
    this.#redis = redis;
    this.#store = store;
  }

  /**
   * Waits for the end of a running request: its reply, `running` when `waitMs` are over, or `undefined` when the duplicate's
   * client has gone.
   *
   * @throws {StoreUnavailableError} when Redis stops answering
   */
  wait(duplicate: Duplicate, waitMs: number, res: Response): Promise<WaitEnd | undefined> {
    if (this.#isClosed) return Promise.resolve(duplicate);
    if (res.destroyed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const group = this.#groupOf(duplicate);
      const settle: Settle = (end) => {
        clearTimeout(timer);
        res.off('close', leave);
        if (end instanceof Error) reject(end);
        else resolve(end);
      };
      const stop = (end: WaitEnd | undefined) => {
        group.remove(settle);
        settle(end);
      };
      const leave = () => stop(undefined);
      const timer = setTimeout(() => stop({ ...duplicate, reply: group.reply }), waitMs).unref();
      res.once('close', leave);
      group.add(settle);
    });
  }

  /** Ends all waits with what is known. */
  close(): void {
    this.#isClosed = true;
    this.#subscription?.close();
    for (const group of this.#groups.values()) group.dissolve();
  }

  #groupOf(duplicate: Duplicate): WaitingGroup {
    const name = claimName(duplicate.claim);
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    this.#subscription ??= subscribe(this.#redis, this.#store.channel, {
      onMessage: (ended) => this.#hear(ended),
      onGap: () => this.#wakeAll(),
    });
    const subscription = this.#subscription;
    const group = new WaitingGroup({
      ...duplicate,
      store: this.#store,
      isHearing: () => subscription.liveSince !== undefined,
      onEmpty: () => this.#groups.delete(name),
    });
    this.#groups.set(name, group);
    void group.run(this.#hasMissed(name, subscription.liveSince, duplicate.sentAt));
    return group;
  }

  /** Whether the end may have been published after the claim was sent and before the group listened. */
  #hasMissed(name: string, liveSince: number | undefined, sentAt: number): boolean {
    // When it is not live yet, the group is woken as soon as it is.
    if (liveSince === undefined) return false;
    return liveSince > sentAt || this.#forgottenAt >= sentAt || (this.#heard.get(name) ?? 0) >= sentAt;
  }

  #hear(name: string): void {
    this.#heard.delete(name);
    this.#heard.set(name, performance.now());
    const [oldest] = this.#heard;
    if (this.#heard.size > MAX_HEARD && oldest !== undefined) {
      this.#heard.delete(oldest[0]);
      this.#forgottenAt = oldest[1];
    }
    this.#groups.get(name)?.wake();
  }

  #wakeAll(): void {
    for (const group of this.#groups.values()) group.wake();
  }
}
