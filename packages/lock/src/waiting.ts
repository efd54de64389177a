// How callers wait for a held lock. Callers of one process queue here, first come first served, and only the first of
// them asks Redis; a release in this process wakes it at once, one elsewhere is noticed by asking again. It decides the
// order and the pauses and knows nothing of leases, so that another way to wait can replace this file.

import { LockAbortedError, LockTimeoutError } from './errors.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 160;

/** How one try to get the lock ended. */
export type Attempt<T> = { readonly granted: T } | { readonly holderRemainingMs: number };

/** The limits of one wait. */
export interface WaitLimits {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The queues of one lock instance. */
export interface WaitingRoom {
  /**
   * Tries until the lock is granted. An error of `attempt` ends the wait of the whole queue.
   *
   * @throws {LockTimeoutError} after `waitMs` @throws {LockAbortedError} by `signal` or `close()`
   */
  enter<T>(resource: string, attempt: () => Promise<Attempt<T>>, limits: WaitLimits): Promise<T>;
  /** Lets the first in the queue try at once. */
  wake(resource: string): void;
  /** Ends all waits, and those to come. */
  close(): void;
}

/** Gives an empty waiting room. */
export function createWaitingRoom(): WaitingRoom {
  const queues = new Map<string, Set<Ticket>>();
  let isClosed = false;

  /** The first in the queue; a Set keeps the order of arrival. */
  const firstOf = (resource: string): Ticket | undefined => queues.get(resource)?.values().next().value;

  function join(resource: string, ticket: Ticket): void {
    const queue = queues.get(resource);
    if (queue === undefined) queues.set(resource, new Set([ticket]));
    else queue.add(ticket);
  }

  function leave(resource: string, ticket: Ticket): void {
    const wasFirst = firstOf(resource) === ticket;
    const queue = queues.get(resource);
    queue?.delete(ticket);
    if (queue?.size === 0) queues.delete(resource);
    if (wasFirst) wake(resource);
  }

  /** What stops the first one from asking Redis would stop the others too: they need not find out one by one. */
  function fail(resource: string, failure: unknown): void {
    for (const ticket of queues.get(resource) ?? []) {
      ticket.failure = { error: failure };
      ticket.wake();
    }
  }

  function wake(resource: string): void {
    firstOf(resource)?.wake();
  }

  async function enter<T>(resource: string, attempt: () => Promise<Attempt<T>>, limits: WaitLimits): Promise<T> {
    const { waitMs, signal } = limits;
    const endsAt = performance.now() + waitMs;
    const ticket = new Ticket();
    const assertWanted = () => {
      if (ticket.failure !== undefined) throw ticket.failure.error;
      if (isClosed) throw new LockAbortedError(resource, new Error('the lock was closed'));
      if (signal?.aborted === true) throw new LockAbortedError(resource, signal.reason);
      if (performance.now() >= endsAt) throw new LockTimeoutError(resource, waitMs);
    };
    const onAbort = () => ticket.wake();
    signal?.addEventListener('abort', onAbort);
    join(resource, ticket);
    try {
      for (let tries = 0; ; assertWanted()) {
        let pause = Infinity;
        if (firstOf(resource) === ticket) {
          ticket.isWoken = false;
          const outcome = await attempt().catch((error: unknown) => {
            fail(resource, error);
            throw error;
          });
          if ('granted' in outcome) return outcome.granted;
          pause = pauseMs(tries, outcome.holderRemainingMs, Math.random());
          tries += 1;
        }
        await ticket.sleep(Math.min(pause, endsAt - performance.now()));
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      leave(resource, ticket);
    }
  }

  function close(): void {
    isClosed = true;
    for (const queue of queues.values()) for (const ticket of queue) ticket.wake();
  }

  return { enter, wake, close };
}

/** One caller in a queue. */
class Ticket {
  /** Woken while not asleep: the next sleep is skipped, so that no wake-up is lost. */
  isWoken = false;
  /** Why the whole queue was given up. */
  failure: { readonly error: unknown } | undefined;
  #endSleep: () => void = () => undefined;

  wake(): void {
    this.isWoken = true;
    this.#endSleep();
  }

  /** Resolves when woken, or after `ms`. */
  sleep(ms: number): Promise<void> {
    if (this.isWoken || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/**
 * How long to pause after try number `tries` (from 0): twice as long each time up to 160 ms, a random half of it taken off
 * so that processes do not ask in step, and never beyond the end of the holder's lease.
 */
export function pauseMs(tries: number, holderRemainingMs: number, random: number): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS);
  return Math.min(longest * (1 - random / 2), holderRemainingMs + 1);
}
