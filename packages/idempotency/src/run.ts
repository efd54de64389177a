// One run of a handler, from its claim to its kept answer. It holds the lease meanwhile.
//
//   claimed ──answer to keep──► commit ──► kept     sent
//      │                          ├──────► taken    503 in its place: another process's answer counts
//      │                          └──────► no reply sent, and committed in the background while the lease lasts
//      └────answer not kept───► release ──────────► sent

import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import { keepLease, type LeaseKeeper } from '@sallyport/lock';
import type { Answer } from './capture.js';
import type { IdempotencyContext } from './context.js';
import { IdempotencyLostError } from './errors.js';
import type { IdempotencyEvent } from './events.js';
import { isKept } from './kept-outcomes.js';
import type { Claim, RecordStore } from './record-store.js';

const COMMIT_RETRY_MS = 100;

/** A claim that was granted. */
export interface GrantedClaim extends Claim {
  readonly token: number;
  /** `performance.now()` when the claim was sent. */
  readonly sentAt: number;
}

/** What runs need of the middleware. */
export interface RunOptions {
  readonly store: RecordStore;
  readonly events: EventSink<IdempotencyEvent>;
  readonly leaseMs: number;
  readonly maxRunMs: number;
}

/** Holds the lease of one claim until its answer is kept or given up. */
export class Run {
  readonly #claim: GrantedClaim;
  readonly #options: RunOptions;
  readonly #keeper: LeaseKeeper;
  readonly #runTimer: NodeJS.Timeout;

  constructor(claim: GrantedClaim, options: RunOptions) {
    const { store, events, leaseMs, maxRunMs } = options;
    const { id: key, token, sentAt } = claim;
    this.#claim = claim;
    this.#options = options;
    this.#keeper = keepLease({
      leaseMs,
      sentAt,
      renew: (ms, onLate) => store.renew(claim, ms, onLate),
      onLost(reason) {
        events.emit({ type: 'lost', key, token, reason });
        return new IdempotencyLostError(reason);
      },
    });
    this.#runTimer = setTimeout(() => this.abandon(), maxRunMs).unref();
  }

  /** What the handler sees. */
  contextFor(key: string): IdempotencyContext {
    const keeper = this.#keeper;
    return {
      key,
      isReplay: false,
      token: this.#claim.token,
      get signal() {
        return keeper.signal;
      },
      get remainingMs() {
        return keeper.remainingMs;
      },
      assertHeld: () => keeper.assertHeld(),
    };
  }

  /** Lets the lease run out: no answer is to be expected. One that comes all the same is kept if nobody else has run. */
  abandon(): void {
    this.#keeper.stopRenewing();
  }

  /** Keeps the answer, or frees the key. Never rejects. @returns whether the answer may be sent to the client */
  async conclude(answer: Answer): Promise<'send' | 'taken'> {
    clearTimeout(this.#runTimer);
    if (!isKept(answer.head.status)) {
      await this.#release(answer.head.status);
      return 'send';
    }
    const outcome = await this.#commit(answer);
    if (outcome === undefined) void this.#commitLater(answer);
    return outcome === 'taken' ? 'taken' : 'send';
  }

  async #release(status: number): Promise<void> {
    const { store, events } = this.#options;
    this.#keeper.stop();
    try {
      const isReleased = await store.release(this.#claim);
      if (isReleased) events.emit({ type: 'released', key: this.#claim.id, token: this.#claim.token, status });
    } catch (error) {
      // Reported already. Nothing renews the claim, so its lease frees the key.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  /** `undefined` when Redis did not answer. */
  async #commit(answer: Answer): Promise<'kept' | 'taken' | undefined> {
    const { store, events } = this.#options;
    const { id: key, token } = this.#claim;
    const { status } = answer.head;
    try {
      const outcome = await store.commit(this.#claim, token, answer);
      this.#keeper.stop();
      if (outcome === 'taken') events.emit({ type: 'refused', key, token, status });
      else events.emit({ type: 'kept', key, token, status, isBodyKept: answer.body !== undefined });
      return outcome;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return undefined;
    }
  }

  /** The client has its answer; a duplicate must find it too. While the lease lasts, nobody else can run the request. */
  async #commitLater(answer: Answer): Promise<void> {
    while (!this.#keeper.signal.aborted) {
      await delay(COMMIT_RETRY_MS, undefined, { ref: false });
      if ((await this.#commit(answer)) !== undefined) return;
    }
  }
}
