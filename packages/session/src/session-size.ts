import { SessionTooLargeError } from './errors.js';
import type { SessionFields } from './session-record.js';

/** Gives the error for a session whose JSON has more than `maxBytes`: each request would have to carry it from Redis. */
export function findOversize(fields: SessionFields, maxBytes: number): SessionTooLargeError | undefined {
  let bytes = 0;
  for (const [name, json] of fields) bytes += Buffer.byteLength(name) + Buffer.byteLength(json);
  return bytes > maxBytes ? new SessionTooLargeError(bytes, maxBytes) : undefined;
}
