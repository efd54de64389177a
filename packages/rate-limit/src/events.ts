import type { StoreFailure, StoreUnavailableError } from '@sallyport/core';
import type { Decision } from './decision.js';
import type { ProxyFindingEvent } from './proxy-check.js';

/** What to do with a request when Redis does not answer. */
export type StoreFailurePolicy = 'local' | 'open' | 'closed';

/** A request was decided about; `type` is the decision's outcome. */
export interface DecisionEvent {
  readonly type: Decision['outcome'];
  /** The limiter's name. */
  readonly name: string;
  readonly key: string;
  readonly decision: Decision;
  /** Who decided: Redis, this process by a block that Redis has charged or a denial that it remembers, or this process alone. */
  readonly source: 'redis' | 'block' | 'denied-cache' | 'local' | 'list';
  /** With `shadow`: the request was let through whatever the decision. */
  readonly isShadow: boolean;
}

/** A reservation was settled; `actual` is what it cost in the end. */
export interface SettledEvent {
  readonly type: 'settled';
  readonly name: string;
  readonly key: string;
  readonly estimate: number;
  readonly actual: number;
  /** `false` when its lease had ended, or Redis did not answer: then the estimate goes back by itself. */
  readonly isRecorded: boolean;
}

/** Redis did not answer in time; `policy` decided. */
export interface StoreFailureEvent {
  readonly type: 'store-failure';
  readonly name: string;
  readonly key: string;
  readonly policy: StoreFailurePolicy;
  readonly reason: StoreFailure;
  readonly error: StoreUnavailableError;
}

/** Everything that a limiter reports to `onEvent` and to the diagnostics channel `sallyport:rate-limit`. */
export type RateLimitEvent = DecisionEvent | SettledEvent | StoreFailureEvent | ProxyFindingEvent;
