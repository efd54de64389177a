/**
 * Everything that stands between a request and the shop, made once from one Redis client. The numbers are the shop's
 * house rules; README explains each.
 */
import { type Cache, createCache } from '@sallyport/cache';
import type { RedisClient } from '@sallyport/core';
import { type IdempotencyHandler, idempotency } from '@sallyport/idempotency';
import { type Lock, createLock } from '@sallyport/lock';
import { type RateLimitHandle, clientAddress, rateLimit } from '@sallyport/rate-limit';
import { type ResponseCache, responseCache } from '@sallyport/response-cache';
import { type Sessions, createSessions } from '@sallyport/session';
import type { Request } from 'express';
import type { Config } from './config.js';
import type { OrderLine } from './orders.js';

/** What the shop keeps in a session. */
export interface SessionContent {
  /** Products in the cart, one line each. */
  cart: readonly OrderLine[];
}

/** The guards, by what they watch over. */
export interface Guards {
  /** Every request to the API, by address. */
  readonly apiLimit: RateLimitHandle;
  /** Searches, which no cache can foresee. */
  readonly searchLimit: RateLimitHandle;
  /** Attempts to log in to one account from one address. */
  readonly loginLimit: RateLimitHandle;
  readonly sessions: Sessions<SessionContent>;
  readonly catalogue: ResponseCache;
  readonly rates: Cache;
  readonly orderOnce: IdempotencyHandler;
  readonly lock: Lock;
  /** Stops timers and subscriptions; the Redis client stays open. */
  close(): Promise<void>;
}

/** How long an answer of the catalogue is kept; a change purges it earlier. */
export const CATALOGUE_TTL_MS = 30_000;
/** Searches per client in ten seconds. */
const SEARCH_LIMIT = 20;
/**
 * Longer than the packages' own 50 ms: on a laptop that is busy, waiting a moment is better than counting alone. Even with
 * both limits and the cache waiting in vain, a request is answered within a second.
 */
const DEADLINE_MS = 150;
const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;

/** @param prefix begins every Redis key of the shop. */
export function createGuards({
  redis,
  config,
  prefix,
}: {
  redis: RedisClient;
  config: Config;
  prefix: string;
}): Guards {
  const limit = (name: string) => ({ redis, name, prefix: `${prefix}rate-limit:`, deadlineMs: DEADLINE_MS });
  // Each guard under its own prefix: `SCAN` shows who owns a key, and clearing one spares the others.
  const guards = {
    apiLimit: rateLimit({ ...limit('api'), limit: 300, windowMs: MINUTE_MS }),
    searchLimit: rateLimit({
      ...limit('search'),
      limit: SEARCH_LIMIT,
      windowMs: 10_000,
      // The list itself is cached for all; only what people type can be different each time.
      skip: (req) => req.query['q'] === undefined,
    }),
    // A fixed window, because what counts is how many guesses fit into a day, not how evenly they come.
    loginLimit: rateLimit({
      ...limit('login'),
      limit: 10,
      windowMs: MINUTE_MS,
      algorithm: 'fixed-window',
      key: loginKey,
    }),
    sessions: createSessions<SessionContent>({
      redis,
      secrets: config.sessionSecrets,
      idleMs: WEEK_MS,
      prefix: `${prefix}session:`,
    }),
    catalogue: responseCache({
      redis,
      ttlMs: CATALOGUE_TTL_MS,
      deadlineMs: DEADLINE_MS,
      prefix: `${prefix}catalogue:`,
      key: catalogueKey,
      tags: catalogueTags,
      // For the page's comparison. A real shop would not let its clients decide when it works.
      skip: (req) => config.hasDemoControls && req.get('Cache-Control') === 'no-cache',
    }),
    rates: createCache({ redis, namespace: 'rates', prefix: `${prefix}cache:` }),
    // A key belongs to the customer who sends it; orders are only taken from those.
    orderOnce: idempotency({
      redis,
      prefix: `${prefix}idempotency:`,
      required: true,
      scope: (req) => req.session.userId ?? 'nobody',
    }),
    lock: createLock({ redis, prefix: `${prefix}lock:` }),
  };
  return {
    ...guards,
    async close() {
      await Promise.all(Object.values(guards).map((guard) => guard.close()));
    },
  };
}

/** Path and the parameters that the shop knows: with others, anybody could fill Redis with copies of one answer. */
function catalogueKey(req: Request): string {
  const { q, sort, page } = req.query;
  return `${req.path} ${JSON.stringify([q, sort, page])}`;
}

/** The tags under which an answer of the catalogue is purged: all lists together, each product by itself. */
function catalogueTags(req: Request): string[] {
  const id = req.params['id'];
  return typeof id === 'string' ? [productTag(Number(id))] : ['products'];
}

/** The tag of everything that shows this product by itself. */
export function productTag(id: number): string {
  return `product:${id}`;
}

/** One account attacked from one address; neither locks the account for its owner elsewhere, nor the address for others. */
function loginKey(req: Request): string {
  const { email } = (req.body ?? {}) as { email?: unknown };
  const account = typeof email === 'string' ? email.slice(0, 254).toLowerCase() : '';
  return `${clientAddress(req.ip)} ${account}`;
}
