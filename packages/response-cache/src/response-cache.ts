// The way of a request through the cache. Each step is a file of its own; this one has their order and the policy for
// failures of Redis.
//
//   plan ─ not for the cache ─────────────────────────────► handler          X-Cache: BYPASS
//     └─ find ─ Redis fails ──────────────────────────────► handler          X-Cache: BYPASS
//          ├─ there, and may be given to this client ─────► replay           X-Cache: HIT
//          └─ hold versions ─► record ────────────────────► handler ─► store X-Cache: MISS, or BYPASS if it may not be

import { StoreUnavailableError } from '@sallyport/core';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { CustomKeyError } from './errors.js';
import { resolveOptions, type ResponseCacheOptions } from './options.js';
import { recordResponse } from './record-response.js';
import { replay } from './replay.js';
import { planRequest } from './request-plan.js';
import { createShelf, type CachedUrl } from './shelf.js';
import { keyOfUrl, recordId } from './url-key.js';

/** The middleware, and what can be done with what it stored. Purges reject with StoreUnavailableError when Redis fails. */
export interface ResponseCache extends RequestHandler {
  /**
   * Removes what is stored for these URLs, all variants; copies of users are reached by tags or `delete(key, user)`.
   *
   * @returns for how many there was something
   * @throws {CustomKeyError} when the `key` option makes the keys
   */
  invalidate(...urls: string[]): Promise<number>;
  /** Makes all responses with one of the tags stale, by one command. */
  invalidateTags(tags: readonly string[]): Promise<void>;
  /** Gives what is stored under a key, `undefined` when there is nothing. The default key is path and sorted query. */
  get(key: string, user?: string): Promise<CachedUrl | undefined>;
  /** Removes what is stored under a key, all variants; gives whether there was something. */
  delete(key: string, user?: string): Promise<boolean>;
  /** Makes everything stale, by one command; with the `cache` option, everything in that cache. */
  clear(): Promise<void>;
  /** Ends the use. It holds no timer and no connection of its own; the client stays open. */
  close(): Promise<void>;
}

/** Responses that an instance takes care of, so that a second one on the same route stays out of it. */
const taken = new WeakSet<Response>();

/**
 * Gives a middleware that answers GET and HEAD from Redis and stores what the handler answers, where HTTP allows it.
 *
 * @throws {OptionError} when an option is refused
 * @see RFC 9111
 * @example
 * app.get('/products', responseCache({ redis, ttlMs: 30_000, tags: ['products'] }), listProducts);
 */
export function responseCache(options: ResponseCacheOptions): ResponseCache {
  const settings = resolveOptions(options);
  const { events, entries } = settings;
  const shelf = createShelf(entries, settings.vary);

  /** Runs a call to Redis; gives `undefined` when it failed and the policy is `'open'`. */
  async function attempt<T>(operation: 'read' | 'write', key: string, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      events.emit({ type: 'store-failure', operation, key, error });
      if (settings.onStoreFailure === 'throw') throw error;
      return undefined;
    }
  }

  /** Gives whether the request was answered. */
  async function answer(req: Request, res: Response): Promise<boolean> {
    const startedAt = performance.now();
    res.setHeader('X-Cache', 'BYPASS');
    const plan = await planRequest(req, res, settings);
    if (typeof plan === 'string') {
      events.emit({ type: 'bypass', reason: plan });
      return false;
    }
    const { key, selector } = plan;
    const found = await attempt('read', key, () => shelf.find(selector));
    if (found === undefined) return false;
    const { response, storedAtMs } = found;
    if (response !== undefined && (response.isShared || !plan.isPersonal())) {
      const status = replay(req, res, response, { storedAtMs, nowMs: entries.now() });
      events.emit({ type: 'hit', key, status });
      return true;
    }
    events.emit({ type: 'miss', key });
    // The answer to HEAD has no body to store, but it was looked up like any other.
    if (req.method === 'HEAD') res.setHeader('X-Cache', 'MISS');
    // A Redis that has used up the deadline for reading is not given another one for writing.
    if (req.method === 'HEAD' || performance.now() - startedAt >= entries.deadlineMs) return false;
    const fill = await attempt('write', key, () => shelf.startFill(selector));
    if (fill === undefined) return false;
    taken.add(res);
    recordResponse(req, res, { plan, found, fill, shelf, settings });
    return false;
  }

  // Express 4 does not look at the promise of a middleware, so errors are handed on here.
  async function run(req: Request, res: Response, next: NextFunction): Promise<void> {
    let isAnswered: boolean;
    try {
      isAnswered = await answer(req, res);
    } catch (error) {
      return next(error);
    }
    if (!isAnswered) next();
  }

  function cachedResponse(req: Request, res: Response, next: NextFunction): void {
    if (taken.has(res)) return next();
    void run(req, res, next);
  }

  const admin: Pick<ResponseCache, 'invalidate' | 'invalidateTags' | 'get' | 'delete' | 'clear' | 'close'> = {
    async invalidate(...urls) {
      if (settings.key !== undefined) throw new CustomKeyError();
      const removed = await Promise.all(urls.map((url) => shelf.remove(recordId(keyOfUrl(url), undefined))));
      return removed.filter(Boolean).length;
    },
    invalidateTags: (tags) => entries.invalidateTags(tags),
    get: (key, user) => shelf.inspect(recordId(key, user)),
    delete: (key, user) => shelf.remove(recordId(key, user)),
    clear: () => entries.clear(),
    async close() {
      // There is nothing to stop: no timers, no subscriptions. The method is here so that callers need not know that.
    },
  };
  return Object.assign(cachedResponse, admin);
}
