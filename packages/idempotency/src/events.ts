import type { StoreUnavailableError } from '@sallyport/core';
import type { LossReason } from '@sallyport/lock';

/** The call to Redis that failed. */
export type StoreOperation = 'claim' | 'renew' | 'mark-effect' | 'keep-step' | 'commit' | 'release';

/**
 * What happened, for `onEvent` and the diagnostics channel `sallyport:idempotency`. `key` is the record's id, a digest:
 * neither the client's key nor the scope leave the process through events.
 */
export type IdempotencyEvent =
  /** The request runs; its key was free. With `steps`, it resumes after that many finished ones. */
  | { readonly type: 'claimed'; readonly key: string; readonly token: number; readonly steps: number }
  /** A kept answer was sent. */
  | { readonly type: 'replayed'; readonly key: string; readonly token: number; readonly status: number }
  /** 409: another request with this key is running. */
  | { readonly type: 'conflict'; readonly key: string; readonly remainingMs: number }
  /** `wait`: another request with this key is running, and this one waits for its answer. */
  | { readonly type: 'waiting'; readonly key: string; readonly remainingMs: number }
  /** 409: the run behind `markEffect()` ended without an answer. Somebody has to look. */
  | { readonly type: 'unknown'; readonly key: string; readonly token: number }
  /** 422: the key was used with another payload. */
  | { readonly type: 'mismatch'; readonly key: string }
  /** The answer was kept. Without `isBodyKept` it was larger than `maxBodyBytes` and cannot be sent again. */
  | {
      readonly type: 'kept';
      readonly key: string;
      readonly token: number;
      readonly status: number;
      readonly isBodyKept: boolean;
    }
  /** The answer is of a kind that is not kept; the key is free again. */
  | { readonly type: 'released'; readonly key: string; readonly token: number; readonly status: number }
  /** The lease ended while the handler was running. */
  | { readonly type: 'lost'; readonly key: string; readonly token: number; readonly reason: LossReason }
  /** The answer came too late: another process had taken the key, and its answer counts. */
  | { readonly type: 'refused'; readonly key: string; readonly token: number; readonly status: number }
  /** Redis did not answer. A failed `commit` is tried again until the lease ends. */
  | {
      readonly type: 'store-failure';
      readonly key: string;
      readonly operation: StoreOperation;
      readonly error: StoreUnavailableError;
    }
  /** `onStoreFailure: 'open'`: the request runs although its key could not be claimed. */
  | { readonly type: 'unprotected'; readonly key: string };
