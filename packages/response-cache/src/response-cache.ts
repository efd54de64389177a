// The middleware, and its handle. What happens to a request is in answer.ts.

import type { PurgeOptions } from '@sallyport/cache';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { createAnswer } from './answer.js';
import { CustomKeyError } from './errors.js';
import { openMemoryShelf } from './memory-shelf.js';
import { resolveOptions, type ResponseCacheOptions } from './options.js';
import { createShelf, type CachedUrl } from './shelf.js';
import type { ResponseCacheStats } from './stats.js';
import { recordId, targetOfUrl } from './url-key.js';
import { urlTag } from './url-tag.js';

/** The middleware, and what can be done with what it stored. Purges reject with StoreUnavailableError when Redis fails. */
export interface ResponseCache extends RequestHandler {
  /**
   * Removes what is stored for these URLs: all variants, and with `user` the copies of all users. With `{ soft: true }` as the
   * last argument it becomes stale instead, and may be served as such, as far as that is allowed.
   *
   * @returns for how many there was something that is no user's own
   * @throws {CustomKeyError} when the `key` option makes the keys
   */
  invalidate(...urls: string[] | [...urls: string[], how: PurgeOptions]): Promise<number>;
  /** Removes all responses with one of the tags, or makes them stale, by one command. */
  invalidateTags(tags: readonly string[], how?: PurgeOptions): Promise<void>;
  /** Gives what is stored under a key, `undefined` when there is nothing. The default key is path and sorted query. */
  get(key: string, user?: string): Promise<CachedUrl | undefined>;
  /** Removes what is stored under a key, all variants; gives whether there was something. */
  delete(key: string, user?: string): Promise<boolean>;
  /** What this process has seen since the cache was made. */
  stats(): ResponseCacheStats;
  /** Removes everything, or makes it stale, by one command; with the `cache` option, everything in that cache. */
  clear(how?: PurgeOptions): Promise<void>;
  /** Ends the use, and the connection that `l1` has; the client stays open. */
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
  const { entries } = settings;
  const memory = openMemoryShelf(entries, settings.l1, settings.events);
  const shelf = createShelf(entries, settings.vary, memory);
  const answer = createAnswer(settings, shelf, (res) => taken.add(res));

  function cachedResponse(req: Request, res: Response, next: NextFunction): void {
    if (taken.has(res)) return next();
    let isAnswered: boolean | Promise<boolean>;
    try {
      isAnswered = answer(req, res);
    } catch (error) {
      return next(error);
    }
    if (isAnswered === true) return;
    if (isAnswered === false) return next();
    // Express 4 does not look at the promise of a middleware, so errors are handed on here.
    const proceed = (isDone: boolean) => (isDone ? undefined : next());
    isAnswered.then(proceed, next);
  }

  const admin: Pick<ResponseCache, 'invalidate' | 'invalidateTags' | 'get' | 'delete' | 'stats' | 'clear' | 'close'> = {
    async invalidate(...args: readonly (string | PurgeOptions)[]) {
      if (settings.key !== undefined) throw new CustomKeyError();
      const urls = args.filter((arg): arg is string => typeof arg === 'string');
      const how = args.find((arg): arg is PurgeOptions => typeof arg === 'object');
      const keys = urls.map((url) => settings.keyOf(targetOfUrl(url)));
      const [removed] = await Promise.all([
        Promise.all(keys.map((key) => shelf.remove(recordId(key, undefined), how))),
        settings.user === undefined || keys.length === 0 ? undefined : shelf.invalidateTags(keys.map(urlTag), how),
      ]);
      return removed.filter(Boolean).length;
    },
    invalidateTags: (tags, how) => shelf.invalidateTags(tags, how),
    get: (key, user) => shelf.inspect(recordId(key, user)),
    delete: (key, user) => shelf.remove(recordId(key, user)),
    stats: () => settings.stats.read(),
    clear: (how) => shelf.clear(how),
    async close() {
      shelf.close();
    },
  };
  return Object.assign(cachedResponse, admin);
}
