// The records in Redis, with a deadline around each call. Rejects with StoreUnavailableError; what that means is decided
// by the caller.

import { randomBytes } from 'node:crypto';
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
import { keepStepScript } from './scripts/keep-step.js';
import { markEffectScript } from './scripts/mark-effect.js';
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

/** 128 random bits. */
export function newOwner(): string {
  return randomBytes(16).toString('base64url');
}

/** Names a record with one payload: what is published when its run ends, for those who wait. */
export function claimName({ id, fingerprint }: Pick<Claim, 'id' | 'fingerprint'>): string {
  return `${id} ${fingerprint}`;
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

  /** Where the ends of requests are published that somebody waits for. */
  get channel(): string {
    return `${this.#options.prefix}ended`;
  }

  /** @param isWaiting whether the end of a running request is to be published */
  claim(claim: Claim, isWaiting: boolean): Promise<ClaimReply> {
    const { id, owner, fingerprint } = claim;
    const { redis, leaseMs, retentionMs } = this.#options;
    const args = [owner, fingerprint, leaseMs, retentionMs, isWaiting ? '1' : ''];
    return this.#ask(
      id,
      'claim',
      () => claimScript.run(redis, [this.keyOf(id)], args),
      // The client has had its answer, and nothing runs. If this fails too, the lease ends the claim.
      (late) => void (late.outcome === 'claimed' && this.#sendRelease(claim).catch(() => undefined)),
    );
  }

  /** Milliseconds that remain, or `undefined` when the record is not ours any more. */
  renew({ id, owner }: Claim, leaseMs: number, onLate: (remainingMs: number | undefined) => void) {
    const { redis } = this.#options;
    return this.#ask(id, 'renew', () => renewScript.run(redis, [this.keyOf(id)], [owner, leaseMs]), onLate);
  }

  /** Whether it is noted; `false` when the record is not ours any more. */
  markEffect({ id, owner }: Claim): Promise<boolean> {
    const { redis } = this.#options;
    return this.#ask(id, 'mark-effect', () => markEffectScript.run(redis, [this.keyOf(id)], [owner]));
  }

  /** Whether it is kept; `false` when the record is not ours any more. */
  keepStep({ id, owner }: Claim, name: string, result: string): Promise<boolean> {
    const { redis } = this.#options;
    return this.#ask(id, 'keep-step', () => keepStepScript.run(redis, [this.keyOf(id)], [owner, name, result]));
  }

  commit(claim: Claim, token: number, answer: Answer): Promise<CommitReply> {
    const { id, owner, fingerprint } = claim;
    const { redis, retentionMs } = this.#options;
    const head = formatHead({ ...answer.head, isBodyKept: answer.body !== undefined });
    const kept = [owner, fingerprint, token, retentionMs, head, answer.body ?? ''];
    const args = [...kept, this.channel, claimName(claim)];
    return this.#ask(id, 'commit', () => commitScript.run(redis, [this.keyOf(id)], args));
  }

  release(claim: Claim): Promise<boolean> {
    return this.#ask(claim.id, 'release', () => this.#sendRelease(claim));
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

  #sendRelease(claim: Claim): Promise<boolean> {
    const args = [claim.owner, this.channel, claimName(claim)];
    return releaseScript.run(this.#options.redis, [this.keyOf(claim.id)], args);
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
