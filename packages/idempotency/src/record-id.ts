// Which record a request belongs to. Pure.

import { createHash } from 'node:crypto';

/** What identifies an idempotent request. */
export interface IdempotentRequest {
  /** What `scope(req)` gave; left out with `scope: 'public'`. */
  readonly scope?: string;
  readonly method: string;
  /** The full path, mount points included, without the query: `/shop/orders`. */
  readonly path: string;
  /** The client's key, without quotes. */
  readonly key: string;
}

/**
 * The id of the record: a digest of all four parts, so that users, methods and routes never meet, and neither the key nor
 * the user can be read in Redis. Injective, because JSON keeps the parts apart.
 */
export function recordId({ scope, method, path, key }: IdempotentRequest): string {
  const parts = scope === undefined ? ['public', method, path, key] : ['scope', scope, method, path, key];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** The id of a request that is given itself, or as its id (the `key` of an event). */
export function idOf(request: IdempotentRequest | string): string {
  return typeof request === 'string' ? request : recordId(request);
}

/** Path and query of a request's `originalUrl`. (`url` is relative to the mount point: two routers would share keys.) */
export function splitUrl(originalUrl: string): { path: string; query: string } {
  const at = originalUrl.indexOf('?');
  return at === -1
    ? { path: originalUrl, query: '' }
    : { path: originalUrl.slice(0, at), query: originalUrl.slice(at) };
}
