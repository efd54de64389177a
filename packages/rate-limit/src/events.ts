import type { StoreFailure, StoreUnavailableError } from '@sallyport/core';
import type { Decision } from './decision.js';

/** What to do with a request when Redis does not answer. */
export type StoreFailurePolicy = 'local' | 'open' | 'closed';

/** A request was admitted or turned away. */
export interface DecisionEvent extends Omit<Decision, 'isAllowed'> {
  readonly type: 'allowed' | 'rejected';
}

/** Redis did not answer in time; `policy` decided. With `'local'` a decision event of source `local` follows. */
export interface StoreFailureEvent {
  readonly type: 'store-failure';
  readonly name: string;
  readonly key: string;
  readonly policy: StoreFailurePolicy;
  readonly reason: StoreFailure;
  readonly error: StoreUnavailableError;
}

/** Everything that a limiter reports to `onEvent` and to the diagnostics channel `sallyport:rate-limit`. */
export type RateLimitEvent = DecisionEvent | StoreFailureEvent;
