// Whether a 304, or the answer to HEAD, speaks of the stored response, and what that becomes by it (RFC 9111 §4.3.4, §4.3.5).
// Pure.

import type { Stored } from './replay.js';
import type { HeaderField } from './response-frame.js';
import { mergeFields } from './response-head.js';

type HeaderReader = (name: string) => string | undefined;

/** Reads fields by lower-case name. */
export function readerOf(fields: readonly HeaderField[]): HeaderReader {
  const values = new Map(fields.map(([name, value]) => [name.toLowerCase(), String(value)]));
  return (name) => values.get(name);
}

/** Whether a 304 with this head confirms the stored response. */
export function isConfirmedBy(header: HeaderReader, stored: Stored): boolean {
  const known = readerOf(stored.headers);
  const [etag, lastModified] = [header('etag'), header('last-modified')];
  if (etag !== undefined) {
    // RFC 9111 §4.3.4: a strong validator speaks of a response with the same one, and of no other; a weak one of a response
    // that corresponds to it.
    if (!etag.startsWith('W/')) return etag === known('etag');
    return etag.slice(2) === known('etag')?.replace(/^W\//, '');
  }
  const knownDate = known('last-modified');
  // Departs from §4.3.4 where the 304 has no validator of a kind that is stored: it answers to no other than those that the
  // handler was given, and many handlers leave them out.
  return lastModified === undefined || knownDate === undefined || lastModified === knownDate;
}

/** Whether a 200 to HEAD with this head is of the stored response (RFC 9111 §4.3.5). */
export function isHeadOf(header: HeaderReader, stored: Stored): boolean {
  const known = readerOf(stored.headers);
  const isSame = ['etag', 'last-modified'].every((name) => header(name) === undefined || header(name) === known(name));
  const length = header('content-length');
  return isSame && (length === undefined || Number(length) === stored.body.length);
}

/**
 * The stored response with the fields of the newer head (RFC 9111 §3.2), as old as that.
 *
 * @param date of the newer head; RFC 9110 §6.6.1: when it came, if it does not say
 */
export function freshened(stored: Stored, fields: readonly HeaderField[], date: string, nowMs: number): Stored {
  const others = mergeFields(stored.headers, fields).filter(([name]) => name.toLowerCase() !== 'date');
  const headers: HeaderField[] = [...others, ['Date', date]];
  return { ...stored, headers, storedAtMs: nowMs, isFresh: true, softAtMs: 0, ageSeconds: 0 };
}
