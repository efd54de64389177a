// How callers wait for their turn. Redis keeps the line and calls who is next; this file keeps those of one process who
// stand in it. Each asks when it is called. The first of them also asks without a call: when a holder's lease is over,
// and every BEAT_MS, so that the process is known to be alive. The answer says who else of them is called: not always the
// next here, for commands can overtake each other on the way to Redis. So a call that was lost costs no more than a beat,
// and the number of scripts depends on processes and time, and not on how many wait.

import { LockAbortedError, LockTimeoutError } from './errors.js';

/** Pause between two beats. Some of them fit into SILENT_MS and CALL_MS of the queue's scripts. */
export const BEAT_MS = 400;
/** The pause while nobody can be called, because the connection for that is not there. */
const BLIND_MS = 100;

/** How one try to get the lock ended. */
export type Attempt<T> = ({ readonly granted: T } | { readonly holderRemainingMs: number }) & {
  /** Owners of this process whose turn it is. */
  readonly called?: readonly string[];
};

/** The limits of one wait. */
export interface WaitLimits {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A monotonic clock with timers, in milliseconds. */
export interface Clock {
  now(): number;
  /** Runs `callback` after `ms`, and gives what cancels that. */
  after(ms: number, callback: () => void): () => void;
}

/** Whether this process can be called now. */
export interface Listening {
  readonly isLive: boolean;
  stop(): void;
}

/** What a waiting room needs from outside. */
export interface WaitingRoomOptions {
  /** Begins to listen for calls, for one caller. */
  readonly listen: () => Listening;
  readonly clock?: Clock;
}

/** Who wants what. */
export interface Caller<T> {
  readonly resource: string;
  readonly owner: string;
  /** Asks Redis for the lock, or for a place in the line. Asking again keeps the place. */
  readonly attempt: () => Promise<Attempt<T>>;
}

/** The callers of one lock instance that wait. */
export interface WaitingRoom {
  /**
   * Asks until the lock is granted. An error of `attempt` ends the wait of all callers for that resource.
   *
   * @throws {LockTimeoutError} after `waitMs` @throws {LockAbortedError} by `signal` or `close()`
   */
  enter<T>(caller: Caller<T>, limits: WaitLimits): Promise<T>;
  /** It is this owner's turn. */
  call(owner: string): void;
  /** Calls may have been missed: the first caller for each resource asks. */
  callAll(): void;
  /** Ends all waits, and those to come. */
  close(): void;
}

const realClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Gives an empty waiting room. */
export function createWaitingRoom({ listen, clock = realClock }: WaitingRoomOptions): WaitingRoom {
  const lines = new Map<string, Line>();
  const tickets = new Map<string, Ticket>();
  let isClosed = false;

  function join({ resource, owner }: Caller<unknown>, ticket: Ticket): void {
    tickets.set(owner, ticket);
    const line = lines.get(resource) ?? new Line();
    lines.set(resource, line);
    line.tickets.add(ticket);
  }

  function leave({ resource, owner }: Caller<unknown>, ticket: Ticket): void {
    tickets.delete(owner);
    const line = lines.get(resource);
    if (line === undefined) return;
    const wasFirst = line.first === ticket;
    line.tickets.delete(ticket);
    const { first } = line;
    if (first === undefined) lines.delete(resource);
    else if (wasFirst) {
      // Not from now on: if the first ones left one after the other, nobody would ever ask.
      first.askAt = line.askedAt + BEAT_MS;
      first.nudge();
    }
  }

  /** What stops one from asking Redis would stop the others too: they need not find out one by one. */
  function fail(resource: string, error: unknown): void {
    for (const ticket of lines.get(resource)?.tickets ?? []) {
      ticket.failure = { error };
      ticket.nudge();
    }
  }

  /** Returns when it is time to ask. */
  async function untilDue({ resource }: Caller<unknown>, ticket: Ticket, limits: WaitLimits): Promise<void> {
    const { waitMs, signal } = limits;
    for (;;) {
      if (ticket.failure !== undefined) throw ticket.failure.error;
      if (isClosed) throw new LockAbortedError(resource, new Error('the lock was closed'));
      if (signal?.aborted === true) throw new LockAbortedError(resource, signal.reason);
      if (ticket.isCalled) return;
      const now = clock.now();
      if (now >= ticket.endsAt) throw new LockTimeoutError(resource, waitMs);
      const askAt = lines.get(resource)?.first === ticket ? ticket.askAt : Infinity;
      if (now >= askAt) return;
      await ticket.sleep(Math.min(askAt, ticket.endsAt) - now, clock);
    }
  }

  const call = (owner: string) => tickets.get(owner)?.call();

  async function enter<T>(caller: Caller<T>, limits: WaitLimits): Promise<T> {
    const ticket = new Ticket(clock.now() + limits.waitMs);
    let listening: Listening | undefined;
    const onAbort = () => ticket.nudge();
    limits.signal?.addEventListener('abort', onAbort);
    // Before the first try: a call may come before the answer to it.
    join(caller, ticket);
    try {
      for (;;) {
        ticket.isCalled = false;
        const line = lines.get(caller.resource);
        if (line?.first === ticket) line.askedAt = clock.now();
        const outcome = await caller.attempt().catch((error: unknown) => {
          fail(caller.resource, error);
          throw error;
        });
        outcome.called?.forEach(call);
        if ('granted' in outcome) return outcome.granted;
        listening ??= listen();
        const pauseMs = listening.isLive ? BEAT_MS : BLIND_MS;
        ticket.askAt = clock.now() + Math.min(pauseMs, outcome.holderRemainingMs + 1);
        await untilDue(caller, ticket, limits);
      }
    } finally {
      limits.signal?.removeEventListener('abort', onAbort);
      leave(caller, ticket);
      listening?.stop();
    }
  }

  return {
    enter,
    call,
    callAll() {
      for (const { first } of lines.values()) first?.call();
    },
    close() {
      isClosed = true;
      for (const ticket of tickets.values()) ticket.nudge();
    },
  };
}

/** Those of this process who want one resource. A Set keeps the order of arrival. */
class Line {
  readonly tickets = new Set<Ticket>();
  /** When the first of them asked last. */
  askedAt = 0;

  get first(): Ticket | undefined {
    return this.tickets.values().next().value;
  }
}

/** One caller in the line. */
class Ticket {
  /** When to ask without a call, if first. */
  askAt = 0;
  /** Called while not asleep: the next sleep is skipped, so that no call is lost. */
  isCalled = false;
  /** Why the whole line was given up. */
  failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  /** @param endsAt when to give up */
  constructor(readonly endsAt: number) {}

  call(): void {
    this.isCalled = true;
    this.nudge();
  }

  /** Ends the sleep, to look again. */
  nudge(): void {
    this.#wake();
  }

  /** Resolves when nudged, or after `ms`. */
  sleep(ms: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
