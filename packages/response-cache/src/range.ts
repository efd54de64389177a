// Which part of a whole response the client wants (RFC 9110 §14). Pure. One range is served; several, and what cannot be
// understood, give the whole: a server may ignore Range (§14.2).

import type { Validators } from './conditional.js';

/** First and last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Gives the range, `undefined` for the whole, or `'unsatisfiable'`. */
export function chooseRange(
  asked: { readonly range: string | undefined; readonly ifRange: string | undefined },
  validators: Validators,
  length: number,
): ByteRange | 'unsatisfiable' | undefined {
  if (asked.range === undefined || !isSameRepresentation(asked.ifRange, validators)) return undefined;
  // RFC 9110 §14.1: units are case-insensitive, and another than bytes is ignored.
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(asked.range);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    // RFC 9110 §14.1.2: the last bytes, and nothing of zero length.
    const count = Math.min(Number(last), length);
    return count === 0 ? 'unsatisfiable' : { start: length - count, end: length - 1 };
  }
  const start = Number(first);
  // RFC 9110 §14.1.2: a range whose end comes before its start is invalid, and ignored.
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= length) return 'unsatisfiable';
  return { start, end: last === '' ? length - 1 : Math.min(Number(last), length - 1) };
}

/** RFC 9110 §13.1.5: by strong comparison of tags, or by a date that is exactly Last-Modified. */
function isSameRepresentation(ifRange: string | undefined, { etag, lastModified, date }: Validators): boolean {
  if (ifRange === undefined) return true;
  if (/^(?:W\/)?"/.test(ifRange)) return !ifRange.startsWith('W/') && ifRange === etag;
  // RFC 9110 §8.8.2.2: a Last-Modified is strong only when it lies a second or more before Date.
  const isStrong = lastModified !== undefined && Date.parse(date ?? '') - Date.parse(lastModified) >= 1_000;
  return isStrong && ifRange === lastModified;
}
