// Whether the client's copy is still right (RFC 9110 §13). Pure: validators of both sides in, yes or no out.

import { parseHttpDate } from './http-date.js';

/** The client's conditions. */
export interface Conditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

/** The response's validators. */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly date: string | undefined;
}

const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"/g;

/** Whether a GET or HEAD that would be answered 200 is to be answered 304. */
export function isNotModified(conditions: Conditions, validators: Validators, nowMs: number): boolean {
  const { ifNoneMatch, ifModifiedSince } = conditions;
  if (ifNoneMatch !== undefined) {
    // RFC 9110 §13.1.2: `*` matches any representation that exists.
    if (ifNoneMatch.trim() === '*') return true;
    if (validators.etag === undefined) return false;
    // RFC 9110 §13.1.2: weak comparison, that is, without regard to `W/` on either side.
    const opaque = validators.etag.replace(/^W\//, '');
    return (ifNoneMatch.match(ENTITY_TAG) ?? []).some((tag) => tag.replace(/^W\//, '') === opaque);
  }
  // RFC 9110 §13.1.3: only in the absence of If-None-Match, and only when it is a valid date.
  if (ifModifiedSince === undefined) return false;
  const since = parseHttpDate(ifModifiedSince, nowMs);
  // RFC 9111 §4.3.2: Date stands in for a Last-Modified that is missing.
  const changed = parseHttpDate(validators.lastModified ?? validators.date ?? '', nowMs);
  return since !== undefined && changed !== undefined && changed <= since;
}
