// Keeps one lease alive and tells the truth about it. Two timers that know nothing of each other: one renews, the other
// ends the lease on the local clock. So the end also comes when Redis, the network or a renewal hangs.
//
//   held ──► lost      Redis names another owner, or the local end is reached without a renewal
//     └────► stopped   the holder is done; nothing is reported any more

import type { LossReason } from './errors.js';
import { localEnd, renewalDelayMs, retryDelayMs } from './lease-time.js';

/** What {@link keepLease} needs. */
export interface LeaseKeeperOptions {
  readonly leaseMs: number;
  /** `performance.now()` when the command that began the lease was sent. */
  readonly sentAt: number;
  /**
   * Asks the store to make the lease last at least `leaseMs` from now, and gives the milliseconds that remain, or
   * `undefined` when it is no longer ours. Must never begin a new lease.
   *
   * @param onLate receives an answer that came after the promise was rejected for lateness
   */
  readonly renew: (leaseMs: number, onLate: (remainingMs: number | undefined) => void) => Promise<number | undefined>;
  /** Called once, when the lease is lost; gives the error for `signal` and `assertHeld()`. */
  readonly onLost: (reason: LossReason) => Error;
  /** Monotonic clock in milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** The local side of a lease. */
export interface LeaseKeeper {
  /** Aborts when the lease is lost: at least 50 ms, or 5 % of it, before Redis may give it to somebody else. */
  readonly signal: AbortSignal;
  /** Milliseconds until the signal aborts, if no renewal succeeds; 0 when lost or stopped. */
  readonly remainingMs: number;
  /** @throws the error of `onLost` when the lease is lost, also when no timer could run since */
  assertHeld(): void;
  /** Renews at once, for `leaseMs` from now or longer. @throws the error of `onLost`; what `renew` rejects with */
  extend(leaseMs: number): Promise<void>;
  /** Lets the lease run out: no more renewals, but the signal still tells when. */
  stopRenewing(): void;
  /** Ends the watch: no renewal, no signal. */
  stop(): void;
}

/** Starts to renew a lease that was just granted. */
export function keepLease(options: LeaseKeeperOptions): LeaseKeeper {
  const { leaseMs, sentAt, renew, onLost, now = () => performance.now() } = options;
  const controller = new AbortController();
  let endsAt = localEnd(sentAt, leaseMs);
  let isStopped = false;
  let isRenewing = true;
  let endTimer = startTimer(watchEnd, endsAt - now());
  let renewalTimer = startTimer(renewInBackground, renewalDelayMs(leaseMs, now()));

  function watchEnd(): void {
    if (!loseIfOver()) endTimer = startTimer(watchEnd, endsAt - now());
  }

  /** Whether the lease is over, or has just been found to be. */
  function loseIfOver(): boolean {
    if (isStopped || controller.signal.aborted) return true;
    if (now() < endsAt) return false;
    lose('expired');
    return true;
  }

  function lose(reason: LossReason): void {
    clearTimers();
    controller.abort(onLost(reason));
  }

  function apply(remainingMs: number | undefined, renewalSentAt: number): void {
    // A lease that is lost stays lost: the work was told to stop.
    if (loseIfOver()) return;
    if (remainingMs === undefined) return lose('taken');
    endsAt = Math.max(endsAt, localEnd(renewalSentAt, remainingMs));
  }

  async function renewFor(ms: number): Promise<void> {
    const renewalSentAt = now();
    apply(await renew(ms, (remainingMs) => apply(remainingMs, renewalSentAt)), renewalSentAt);
  }

  function renewInBackground(): void {
    renewFor(leaseMs).then(
      () => scheduleRenewal(renewalDelayMs(leaseMs, now())),
      // Whatever the reason, the lease was not renewed: try again until the end timer decides.
      () => scheduleRenewal(retryDelayMs(leaseMs)),
    );
  }

  function scheduleRenewal(delayMs: number): void {
    if (isRenewing && !loseIfOver()) renewalTimer = startTimer(renewInBackground, delayMs);
  }

  function clearTimers(): void {
    clearTimeout(endTimer);
    clearTimeout(renewalTimer);
  }

  const keeper: LeaseKeeper = {
    get signal() {
      // After a stalled event loop no timer has run yet: whoever looks gets the truth all the same.
      loseIfOver();
      return controller.signal;
    },
    get remainingMs() {
      return loseIfOver() ? 0 : endsAt - now();
    },
    assertHeld() {
      loseIfOver();
      controller.signal.throwIfAborted();
    },
    async extend(ms) {
      keeper.assertHeld();
      await renewFor(ms);
      keeper.assertHeld();
    },
    stopRenewing() {
      isRenewing = false;
      clearTimeout(renewalTimer);
    },
    stop() {
      isStopped = true;
      isRenewing = false;
      clearTimers();
    },
  };
  return keeper;
}

/** A timer that does not keep the process alive: a process that exits leaves its lease to expire. */
function startTimer(callback: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(callback, Math.max(ms, 1)).unref();
}
