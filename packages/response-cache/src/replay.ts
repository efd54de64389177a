// Sends a stored response. The head is built on the response itself, on top of what layers in front of the cache have set:
// their headers are made anew for each request and were not stored.

import type { Request, Response } from 'express';
import { isNotModified } from './conditional.js';
import { headerOf, makeNotModified } from './response-head.js';
import type { StoredResponse } from './response-frame.js';

/**
 * Answers the request with a stored response, or with 304 when the client's copy is still right; HEAD without the body.
 *
 * @returns the status that was sent
 */
export function replay(
  req: Request,
  res: Response,
  stored: StoredResponse,
  times: { readonly storedAtMs: number; readonly nowMs: number },
): number {
  res.statusCode = stored.status;
  for (const [name, value] of stored.headers) res.setHeader(name, value);
  res.setHeader('X-Cache', 'HIT');
  // RFC 9111 §5.1 and §4.2.3: the age when it came, and the time since.
  const residentSeconds = Math.max(0, Math.floor((times.nowMs - times.storedAtMs) / 1_000));
  res.setHeader('Age', String(stored.ageSeconds + residentSeconds));
  const conditions = {
    ifNoneMatch: req.headers['if-none-match'],
    ifModifiedSince: req.headers['if-modified-since'],
  };
  const validators = {
    etag: headerOf(res, 'etag'),
    lastModified: headerOf(res, 'last-modified'),
    date: headerOf(res, 'date'),
  };
  // RFC 9110 §13.2.1: conditions count only where the answer would be a success.
  if (stored.status === 200 && isNotModified(conditions, validators, times.nowMs)) {
    makeNotModified(res);
    res.end();
    return 304;
  }
  // RFC 9110 §8.6: no Content-Length in a 204.
  if (stored.status !== 204) res.setHeader('Content-Length', stored.body.length);
  if (req.method === 'HEAD') res.end();
  else res.end(stored.body);
  return stored.status;
}
