// What the holder of a lock has in hand.

import { LockLostError } from './errors.js';
import { checkLeaseMs } from './options.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { ReleaseResult } from './scripts/release.js';

/** A held lock. It renews itself until it is released or lost. */
export interface Lease {
  readonly resource: string;
  /** Fencing token: larger than that of every earlier lease on this resource. Write it beside what you change. */
  readonly token: number;
  /** Aborts when the lease is lost, before anybody else can get the lock. The reason is a LockLostError. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` aborts if no renewal succeeds; 0 after the end. */
  readonly remainingMs: number;
  /**
   * Returns while the lease is held. Needs no timer and no Redis: call it just before each step that must not run twice.
   *
   * @throws {LockLostError} when the lease is lost, or was released
   */
  assertHeld(): void;
  /**
   * Makes the lease last at least `leaseMs` from now, for example before work that blocks the event loop.
   *
   * @throws {LockLostError} when the lease is lost @throws {LockUnavailableError} when Redis does not answer
   */
  extend(leaseMs: number): Promise<void>;
  /** Gives the lock back. Never rejects; a further call gives the first one's answer. */
  release(): Promise<ReleaseResult>;
  /** The same as {@link release}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where a lease comes from. */
interface LeaseSource {
  readonly resource: string;
  readonly token: number;
  readonly keeper: LeaseKeeper;
  readonly sendRelease: () => Promise<ReleaseResult>;
}

/** Gives the handle on a lease that was granted. */
export function createLease({ resource, token, keeper, sendRelease }: LeaseSource): Lease {
  let released: Promise<ReleaseResult> | undefined;
  const lease: Lease = {
    resource,
    token,
    get signal() {
      return keeper.signal;
    },
    get remainingMs() {
      return keeper.remainingMs;
    },
    assertHeld() {
      if (released !== undefined) throw new LockLostError(resource, 'released');
      keeper.assertHeld();
    },
    async extend(leaseMs) {
      const wanted = checkLeaseMs(leaseMs);
      lease.assertHeld();
      await keeper.extend(wanted);
      lease.assertHeld();
    },
    release() {
      // A renewal that is still under way cannot revive the lock: renewing never creates it.
      keeper.stop();
      released ??= sendRelease();
      return released;
    },
    async [Symbol.asyncDispose]() {
      await lease.release();
    },
  };
  return lease;
}
