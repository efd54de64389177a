// One run of a handler, from its claim to its kept answer. It holds the lease meanwhile.
//
//   claimed ──answer to keep──► commit ──► kept     sent
//      │                          ├──────► taken    503 in its place: another process's answer counts
//      │                          └──────► no reply sent, and committed in the background
//      └────answer not kept───► release ──────────► sent
//
// An answer is to keep when its status says so, and always after markEffect().

import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailableError, type EventSink } from '@sallyport/core';
import { keepLease, type LeaseKeeper } from '@sallyport/lock';
import type { Answer } from './capture.js';
import type { IdempotencyContext } from './context.js';
import { IdempotencyLostError, StepError } from './errors.js';
import type { IdempotencyEvent } from './events.js';
import { isKept } from './kept-outcomes.js';
import type { Claim, RecordStore } from './record-store.js';
import { Steps } from './steps.js';

const COMMIT_RETRY_MS = 100;
const MAX_COMMIT_RETRY_MS = 2_000;

/** A claim that was granted. */
export interface GrantedClaim extends Claim {
  readonly token: number;
  /** `performance.now()` when the claim was sent. */
  readonly sentAt: number;
  /** Steps that an earlier run has finished. */
  readonly steps: ReadonlyMap<string, string>;
}

/** What runs need of the middleware. */
export interface RunOptions {
  readonly store: RecordStore;
  readonly events: EventSink<IdempotencyEvent>;
  readonly leaseMs: number;
  readonly maxRunMs: number;
  readonly maxBodyBytes: number;
  readonly onLargeBody: 'keep-status' | 'release';
}

/** Holds the lease of one claim until its answer is kept or given up. */
export class Run {
  readonly #claim: GrantedClaim;
  readonly #options: RunOptions;
  readonly #keeper: LeaseKeeper;
  readonly #runTimer: NodeJS.Timeout;
  readonly #endsAt: number;
  #effect: Promise<void> | undefined;
  #isAnswered = false;

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
    this.#endsAt = sentAt + maxRunMs;
    this.#runTimer = setTimeout(() => this.abandon(), maxRunMs).unref();
  }

  /** What the handler sees. */
  contextFor(key: string): IdempotencyContext {
    const keeper = this.#keeper;
    let steps: Steps | undefined;
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
      markEffect: () => this.#effect ?? this.#markEffect(),
      step: (name, work) => (steps ??= this.#createSteps()).run(name, work),
    };
  }

  /** Lets the lease run out: no answer is to be expected. One that comes all the same is kept if nobody else has run. */
  abandon(): void {
    this.#keeper.stopRenewing();
  }

  /** Keeps the answer, or frees the key. Never rejects. @returns whether the answer may be sent to the client */
  async conclude(answer: Answer): Promise<'send' | 'taken'> {
    clearTimeout(this.#runTimer);
    this.#isAnswered = true;
    // A mark on its way counts as well: whoever did not wait for it has gone on.
    const hasEffect = this.#effect !== undefined;
    const isTooLarge = answer.body === undefined && this.#options.onLargeBody === 'release';
    if (!isKept(answer.head.status, hasEffect) || (isTooLarge && !hasEffect)) {
      await this.#release(answer.head.status);
      return 'send';
    }
    const outcome = await this.#commit(answer);
    if (outcome === undefined) void this.#commitLater(answer);
    return outcome === 'taken' ? 'taken' : 'send';
  }

  #assertActive(): void {
    if (this.#isAnswered) throw new StepError('the request has been answered');
    this.#keeper.assertHeld();
  }

  #markEffect(): Promise<void> {
    const mark = this.#sendMark();
    this.#effect = mark;
    // The handler is told that the effect must not be made. It may try again.
    mark.catch(() => (this.#effect = undefined));
    return mark;
  }

  async #sendMark(): Promise<void> {
    this.#assertActive();
    if (!(await this.#options.store.markEffect(this.#claim))) throw new IdempotencyLostError('taken');
  }

  #createSteps(): Steps {
    const { store, maxBodyBytes } = this.#options;
    return new Steps({
      claim: this.#claim,
      store,
      finished: this.#claim.steps,
      maxResultBytes: maxBodyBytes,
      signal: () => this.#keeper.signal,
      assertActive: () => this.#assertActive(),
      isAnswered: () => this.#isAnswered,
    });
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

  /**
   * The client has its answer; a duplicate must find it too. While the lease lasts, nobody else can run the request; when it
   * is over, nobody need have, and then the answer still counts.
   */
  async #commitLater(answer: Answer): Promise<void> {
    let pauseMs = COMMIT_RETRY_MS;
    do {
      await delay(pauseMs, undefined, { ref: false });
      pauseMs = Math.min(pauseMs * 2, MAX_COMMIT_RETRY_MS);
      if ((await this.#commit(answer)) !== undefined) return;
    } while (performance.now() < this.#endsAt);
    this.#keeper.stopRenewing();
  }
}
