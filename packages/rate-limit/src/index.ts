import './express-augmentation.js';

export { rateLimit, type RateLimitHandle } from './rate-limit.js';
export { createRateLimiter, type ConsumeOptions, type RateLimiter } from './limiter.js';
export type { CostOption, ListOption, MeasuredCost, RateLimitOptions } from './middleware-options.js';
export type { RateLimiterOptions } from './options.js';
export type { BlockOptions } from './block-options.js';
export type { PolicyOptions, QuotaUnit } from './policies.js';
export type { AlgorithmName } from './algorithms/algorithms.js';
export type { Penalty } from './decide-command.js';
export type { Decision, PolicyVerdict } from './decision.js';
export type { Reservation } from './reservation.js';
export type { HeavyKey } from './heavy-keys.js';
export type { DecisionEvent, RateLimitEvent, SettledEvent, StoreFailureEvent, StoreFailurePolicy } from './events.js';
export type { ProxyFinding, ProxyFindingEvent } from './proxy-check.js';
export type { DraftRevision, HeaderOptions } from './headers/header-options.js';
export type { LegacyReset } from './headers/legacy.js';
export * from './parse-rate-limit.js';
export {
  createExpressRateLimitStore,
  type ExpressRateLimitStore,
  type ExpressRateLimitStoreOptions,
} from './express-rate-limit-store.js';
// For `key` functions that fall back to the address.
export { clientAddress } from './client-address.js';
export { RateLimitKeyError } from './errors.js';
// What callers catch; the class of the package that throws it.
export { OptionError, StoreUnavailableError } from '@sallyport/core';
