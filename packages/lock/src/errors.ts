// One class per cause, because each asks for another reaction: come back later, stop at once, look at Redis.

import { CoreError } from '@sallyport/core';

/** How a lease was lost: `expired` (not renewed in time) or `taken` (Redis says that it is no longer ours). */
export type LossReason = 'expired' | 'taken';

/** Thrown when the lock is held by somebody else and the caller did not want to wait. */
export class LockHeldError extends CoreError {
  readonly resource: string;
  /** Milliseconds until the holder's lease ends, unless it is renewed. */
  readonly holderRemainingMs: number;

  constructor(resource: string, holderRemainingMs: number) {
    super('ERR_LOCK_HELD', `@sallyport/lock: "${resource}" is held for up to ${holderRemainingMs} ms more`, {
      status: 409,
    });
    this.resource = resource;
    this.holderRemainingMs = holderRemainingMs;
  }
}

/** Thrown when the lock did not become free within `waitMs`. */
export class LockTimeoutError extends CoreError {
  readonly resource: string;
  readonly waitMs: number;

  constructor(resource: string, waitMs: number) {
    super('ERR_LOCK_TIMEOUT', `@sallyport/lock: "${resource}" did not become free in ${waitMs} ms`, { status: 503 });
    this.resource = resource;
    this.waitMs = waitMs;
  }
}

const HOW_LOST = {
  expired: 'it could not be renewed in time',
  taken: 'Redis says that it is no longer ours',
  released: 'it was released',
};

/** Thrown by `assertHeld()` and `extend()`, and the reason of `lease.signal`, when the lease is no longer held. */
export class LockLostError extends CoreError {
  readonly resource: string;
  /** `released`: the caller itself has given it back; only `assertHeld()` and `extend()` say so. */
  readonly reason: LossReason | 'released';

  constructor(resource: string, reason: LossReason | 'released') {
    super('ERR_LOCK_LOST', `@sallyport/lock: the lease on "${resource}" is lost: ${HOW_LOST[reason]}`);
    this.resource = resource;
    this.reason = reason;
  }
}

/** Thrown when Redis could not be asked within `deadlineMs`; whether anybody holds the lock is unknown. */
export class LockUnavailableError extends CoreError {
  readonly resource: string;

  constructor(resource: string, cause: unknown) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    super('ERR_LOCK_UNAVAILABLE', `@sallyport/lock: "${resource}" cannot be locked: ${detail}`, { cause, status: 503 });
    this.resource = resource;
  }
}

/** Thrown when the wait was ended by the caller's `signal` (its reason is the `cause`) or by `close()`. */
export class LockAbortedError extends CoreError {
  readonly resource: string;

  constructor(resource: string, cause: unknown) {
    super('ERR_LOCK_ABORTED', `@sallyport/lock: the wait for "${resource}" was aborted`, { cause });
    this.resource = resource;
  }
}
