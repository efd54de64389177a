// The middleware, its types, and what it throws.
import './express-augmentation.js';

export { idempotency } from './idempotency.js';
export type { IdempotencyHandle, IdempotencyHandler } from './handle.js';
export type { IdempotencyStats } from './stats.js';
export type { IdempotencyOptions, ProtectedMethod, Scope } from './options.js';
export type { IdempotencyContext } from './context.js';
export type { StepContext, StepFunction } from './steps.js';
export type { IdempotentRequest } from './record-id.js';
export type { RecordState } from './scripts/inspect.js';
export type { IdempotencyEvent, StoreOperation } from './events.js';
export { BodyNotComparableError, BodyNotParsedError, IdempotencyLostError, ScopeError, StepError } from './errors.js';
export { rememberBytes } from './raw-body.js';
export { problemTypes } from './problems.js';
