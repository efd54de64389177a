// The records in Redis, with a deadline around each call. Rejects with StoreUnavailableError; what that means is decided
// by the caller.

import {
  buildKey,
  createStoreGuard,
  StoreUnavailableError,
  type EventSink,
  type RedisClient,
  type StoreGuard,
} from '@sallyport/core';
import type { IdempotencyEvent, StoreOperation } from './events.js';
import { formatHead } from './kept-answer.js';
import type { Answer } from './capture.js';
import { claimScript, type ClaimReply } from './scripts/claim.js';
import { commitScript, type CommitReply } from './scripts/commit.js';
import { inspectScript, type RecordState } from './scripts/inspect.js';
import { releaseScript } from './scripts/release.js';
import { renewScript } from './scripts/renew.js';

/** Settings of a {@link RecordStore}. */
export interface RecordStoreOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly deadlineMs: number;
  readonly leaseMs: number;
  readonly retentionMs: number;
}

/** One attempt to run a request. */
export interface Claim {
  /** Id of the record. */
  readonly id: string;
  /** 128 random bits, the proof that the record is ours. */
  readonly owner: string;
  readonly fingerprint: string;
}

/** The records under one prefix. */
export class RecordStore {
  readonly #options: RecordStoreOptions;
  readonly #guard: StoreGuard;
  readonly #events: EventSink<IdempotencyEvent>;

  constructor(options: RecordStoreOptions, events: EventSink<IdempotencyEvent>) {
    const { redis, deadlineMs } = options;
    this.#options = options;
    this.#guard = createStoreGuard({ redis, packageName: 'idempotency', deadlineMs });
    this.#events = events;
  }

  claim({ id, owner, fingerprint }: Claim): Promise<ClaimReply> {
    const { redis, leaseMs, retentionMs } = this.#options;
    const args = [owner, fingerprint, leaseMs, retentionMs];
    return this.#ask(
      id,
      'claim',
      () => claimScript.run(redis, [this.keyOf(id)], args),
      // The client has had its answer, and nothing runs. If this fails too, the lease ends the claim.
      (late) => void (late.outcome === 'claimed' && this.#sendRelease(id, owner).catch(() => undefined)),
    );
  }

  /** Milliseconds that remain, or `undefined` when the record is not ours any more. */
  renew({ id, owner }: Claim, leaseMs: number, onLate: (remainingMs: number | undefined) => void) {
    const { redis } = this.#options;
    return this.#ask(id, 'renew', () => renewScript.run(redis, [this.keyOf(id)], [owner, leaseMs]), onLate);
  }

  commit({ id, owner, fingerprint }: Claim, token: number, answer: Answer): Promise<CommitReply> {
    const { redis, retentionMs } = this.#options;
    const head = formatHead({ ...answer.head, isBodyKept: answer.body !== undefined });
    const args = [owner, fingerprint, token, retentionMs, head, answer.body ?? ''];
    return this.#ask(id, 'commit', () => commitScript.run(redis, [this.keyOf(id)], args));
  }

  release({ id, owner }: Claim): Promise<boolean> {
    return this.#ask(id, 'release', () => this.#sendRelease(id, owner));
  }

  inspect(id: string): Promise<RecordState | undefined> {
    return this.#guard.run(() => inspectScript.run(this.#options.redis, [this.keyOf(id)]));
  }

  async delete(id: string): Promise<boolean> {
    return (await this.#guard.run(() => this.#options.redis.call('unlink', this.keyOf(id)))) === 1;
  }

  keyOf(id: string): string {
    return buildKey(this.#options.prefix, id);
  }

  #sendRelease(id: string, owner: string): Promise<boolean> {
    return releaseScript.run(this.#options.redis, [this.keyOf(id)], [owner]);
  }

  async #ask<T>(
    key: string,
    operation: StoreOperation,
    run: () => Promise<T>,
    onLate?: (result: T) => void,
  ): Promise<T> {
    try {
      return await this.#guard.run(run, onLate);
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        this.#events.emit({ type: 'store-failure', key, operation, error });
      }
      throw error;
    }
  }
}
