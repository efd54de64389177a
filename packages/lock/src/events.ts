import type { StoreUnavailableError } from '@sallyport/core';
import type { LossReason } from './errors.js';

/** The call to Redis that failed. */
export type StoreOperation = 'acquire' | 'extend' | 'release' | 'get' | 'delete';

/** What a lock reports to `onEvent` and to the diagnostics channel `sallyport:lock`. `key` is the resource. */
export type LockEvent =
  /** A lease was granted. */
  | { readonly type: 'acquired'; readonly key: string; readonly token: number; readonly waitedMs: number }
  /** Somebody else held the lock, and the caller went away without it. */
  | { readonly type: 'held'; readonly key: string; readonly waitedMs: number }
  /** A lease was given back. */
  | { readonly type: 'released'; readonly key: string; readonly token: number; readonly heldMs: number }
  /** A lease ended before its release. */
  | { readonly type: 'lost'; readonly key: string; readonly token: number; readonly reason: LossReason }
  /** Redis did not answer. A failed `extend` is tried again until the lease ends. */
  | {
      readonly type: 'store-failure';
      readonly key: string;
      readonly operation: StoreOperation;
      readonly error: StoreUnavailableError;
    };
