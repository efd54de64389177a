import './express-augmentation.js';

export { rateLimit, type RateLimitHandle } from './rate-limit.js';
export type { RateLimitOptions } from './options.js';
export type { AlgorithmName } from './algorithms/algorithms.js';
export type { Decision, Verdict } from './decision.js';
export type { DecisionEvent, RateLimitEvent, StoreFailureEvent, StoreFailurePolicy } from './events.js';
// For `key` functions that fall back to the address.
export { clientAddress } from './client-address.js';
export { RateLimitKeyError } from './errors.js';
// What callers catch; the class of the package that throws it.
export { OptionError, StoreUnavailableError } from '@sallyport/core';
