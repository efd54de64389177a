// What the cache makes of a request before it asks Redis: whether it takes part at all, and under which key.

import type { Request, Response } from 'express';
import type { IncomingHttpHeaders } from 'node:http';
import { CallbackResultError } from './errors.js';
import { isPersonal } from './identity.js';
import { tagList, type ResponseCacheSettings } from './options.js';
import type { Selector } from './shelf.js';
import { originOf, recordId, type KeyAndId } from './url-key.js';
import { urlTag } from './url-tag.js';

/** A request that the cache takes part in. */
export interface RequestPlan {
  readonly key: string;
  /** Path and query as they came. */
  readonly path: string;
  /** The key holds the user. */
  readonly isNamed: boolean;
  readonly selector: Selector;
  /** May only be answered by, and stored as, a response for everyone. */
  readonly isPersonal: () => boolean;
}

/** Why a request goes to the handler without a lookup. */
export type BypassReason = 'method' | 'skip' | 'conditions' | 'host' | 'content' | 'target';

/** RFC 9111 §4.3.2: conditions that only an origin server may evaluate. */
const FOR_THE_HANDLER = ['if-match', 'if-unmodified-since', 'upgrade'];

/**
 * Gives a promise only where `skip` does.
 *
 * @throws {CallbackResultError} when a callback gives what it must not; and whatever the callbacks throw
 */
export function planRequest(
  req: Request,
  res: Response,
  settings: ResponseCacheSettings,
): RequestPlan | BypassReason | Promise<RequestPlan | BypassReason> {
  if (req.method !== 'GET' && req.method !== 'HEAD') return 'method';
  const isSkipped = settings.skip?.(req, res) ?? false;
  if (typeof isSkipped === 'object') {
    return Promise.resolve(isSkipped).then((is) => (is ? 'skip' : planLookup(req, res, settings)));
  }
  return isSkipped ? 'skip' : planLookup(req, res, settings);
}

function planLookup(req: Request, res: Response, settings: ResponseCacheSettings): RequestPlan | BypassReason {
  const { headers, originalUrl } = req;
  for (const name of FOR_THE_HANDLER) if (headers[name] !== undefined) return 'conditions';
  // A handler may read content that the key does not hold, and one client would make what others get.
  if (hasContent(headers)) return 'content';
  // `GET http://…` and `/page#part` go to the handlers of other URLs, under keys of their own, which no purge would reach.
  if (!originalUrl.startsWith('/') || originalUrl.includes('#')) return 'target';
  if (settings.hosts !== undefined && !settings.hosts.has(req.hostname?.toLowerCase())) return 'host';
  const user = settings.user?.(req);
  if (user !== undefined && (typeof user !== 'string' || user === '')) {
    throw new CallbackResultError('user', 'a non-empty string or undefined', user);
  }
  const { key, id } =
    settings.key === undefined && user === undefined
      ? settings.publicKeyOf(originalUrl)
      : withUser(settings.key === undefined ? settings.keyOf(originalUrl) : keyBy(settings.key, req), user);
  const tags = tagsFor(settings.tags, req, res);
  return {
    key,
    path: originalUrl,
    isNamed: user !== undefined,
    selector: { id, origin: originOf(req), headers, tags: user === undefined ? tags : [...tags, urlTag(key)] },
    // Asked again after the handler ran: it may have begun a session.
    isPersonal: () => user === undefined && isPersonal(req, settings),
  };
}

/** RFC 9112 §6.3: a request has content where one of these says so. */
function hasContent(headers: IncomingHttpHeaders): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = headers;
  return coding !== undefined || (length !== undefined && length !== '0');
}

function withUser(key: string, user: string | undefined): KeyAndId {
  return { key, id: recordId(key, user) };
}

function keyBy(option: (req: Request) => string, req: Request): string {
  const key: unknown = option(req);
  if (typeof key !== 'string' || key === '') throw new CallbackResultError('key', 'a non-empty string', key);
  return key;
}

function tagsFor(option: ResponseCacheSettings['tags'], req: Request, res: Response): readonly string[] {
  if (typeof option !== 'function') return option;
  const tags: unknown = option(req, res);
  const isList = Array.isArray(tags) && tags.length <= 64 && tags.every((tag) => typeof tag === 'string' && tag !== '');
  if (!isList) throw new CallbackResultError('tags', 'at most 64 non-empty strings', tags);
  return tagList(tags, { packageName: 'response-cache', option: 'tags' });
}
