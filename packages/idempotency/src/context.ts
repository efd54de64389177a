// What a handler sees as `req.idempotency`.

/** The protection of one request. Handlers only see fresh runs; loggers see replays as well. */
export interface IdempotencyContext {
  /** The client's key, without quotes. */
  readonly key: string;
  /** Whether the answer is a kept one. The handler does not run then. */
  readonly isReplay: boolean;
  /** Fencing token of the run (of the first one, in a replay): rises with each run. Write it with what you change. */
  readonly token: number;
  /** Aborts when the lease is lost and another process may run the same request. Never aborts in a replay. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` aborts if no renewal succeeds; 0 in a replay. */
  readonly remainingMs: number;
  /**
   * Returns while nobody else can be running this request. Needs no timer and no Redis: call it before each effect.
   *
   * @throws {IdempotencyLostError} when the lease is lost
   */
  assertHeld(): void;
}

/** The context of a request that is answered from its record. */
export function replayContext(key: string, token: number): IdempotencyContext {
  const { signal } = new AbortController();
  return { key, isReplay: true, token, signal, remainingMs: 0, assertHeld: () => undefined };
}
