// What every stored response has, whether or not its handler gave it.

import { createHash } from 'node:crypto';
import type { HeaderField } from './response-frame.js';

/** Adds the time at which the response was made (RFC 9110 §6.6.1), and a validator to a 200. */
export function completed(
  fields: readonly HeaderField[],
  outer: ReadonlyMap<string, string>,
  status: number,
  body: Buffer,
  nowMs: number,
): HeaderField[] {
  const has = (name: string) => outer.has(name) || fields.some(([field]) => field.toLowerCase() === name);
  const added: HeaderField[] = [];
  if (!has('date')) added.push(['Date', new Date(nowMs).toUTCString()]);
  if (status === 200 && !has('etag')) {
    // Weak: made for the content and not by who made it, and valid for any coding of it.
    const hash = createHash('sha1').update(body).digest('base64url');
    added.push(['ETag', `W/"${body.length.toString(16)}-${hash}"`]);
  }
  return [...fields, ...added];
}
