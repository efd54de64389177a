// What packages share at the Redis and Express seams. Every name in these files is public.
export * from './create-redis.js';
export * from './errors.js';
export * from './events.js';
export * from './keys.js';
export * from './options.js';
export * from './problem.js';
export * from './redis-client.js';
export * from './script.js';
export * from './store-guard.js';
