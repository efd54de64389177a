export { CallbackResultError, CustomKeyError } from './errors.js';
export type { NotStoredReason, ResponseCacheEvent } from './events.js';
export { isRevalidation } from './background.js';
export type { ResponseCacheOptions } from './options.js';
export { responseCache, type ResponseCache } from './response-cache.js';
export type { CachedUrl } from './shelf.js';
export { tagResponse } from './response-tags.js';
export type { ResponseCacheStats } from './stats.js';
