// What a handler sees as `req.idempotency`.

import { StepError } from './errors.js';
import type { StepFunction } from './steps.js';

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
  readonly assertHeld: () => void;
  /**
   * To be awaited before an effect that must not happen twice. If the process dies afterwards, duplicates get 409 "outcome
   * unknown" and the handler does not run again; without it, they run it. Whatever the handler answers afterwards is kept,
   * 5xx as well.
   *
   * @throws {IdempotencyLostError} when the lease is lost: the effect must not be made
   * @throws {StoreUnavailableError} when Redis does not answer: the effect must not be made
   */
  readonly markEffect: () => Promise<void>;
  /**
   * Runs `work` once and keeps its result: a later run of the same request, after a crash or a 5xx, gets the result and
   * does not run it. A crash inside of `work` runs it again, with the same `key`.
   *
   * @param name unique in the handler, 1 to 100 characters, the same in each run
   * @param work gives something that JSON can show, or nothing
   * @returns the result as JSON shows it, in the first run too
   * @throws {IdempotencyLostError} when the lease is lost; the result is not kept
   * @throws {StoreUnavailableError} when Redis does not answer; `work` may have run
   * @throws {StepError} when the name is wrong or used twice, or the result cannot be kept
   */
  readonly step: <T>(name: string, work: StepFunction<T>) => Promise<T>;
}

/** The context of a request that is answered from its record. */
export function replayContext(key: string, token: number): IdempotencyContext {
  const { signal } = new AbortController();
  const refuse = () => Promise.reject(new StepError('the request is answered from its record, nothing runs'));
  const assertHeld = () => undefined;
  return { key, isReplay: true, token, signal, remainingMs: 0, assertHeld, markEffect: refuse, step: refuse };
}
