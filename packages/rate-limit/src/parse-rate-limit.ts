// For clients of rate limited APIs: reads the fields of a response, in whichever of the usual forms they are. What a server
// sends is never an error; what cannot be understood is left out.

import type { LegacyReset } from './headers/legacy.js';
import { parseHttpDate, parseIsoDate } from './parsing/moments.js';
import { readDraft06, readDraft07, readDraft08, readLegacy, type ParsedPolicy } from './parsing/policies.js';
import { readFields, type FieldReader, type ResponseHeaders } from './parsing/response-fields.js';

export type { ParsedPolicy, ResponseHeaders };

/** How the fields of a response are to be understood. */
export interface ParseRateLimitOptions {
  /**
   * The meaning of `X-RateLimit-Reset`. `'auto'` tells it from the value: text with a `T` is a moment, a number above a thousand
   * million (31 years) one in seconds since 1970, any other number a wait. @default 'auto'
   */
  readonly legacyReset?: LegacyReset | 'auto' | undefined;
  /** The client's clock, in ms since 1970, for responses without `Date`. @default Date.now() */
  readonly nowMs?: number | undefined;
}

/** What a response says about the limits of its client. */
export interface ParsedRateLimit {
  /** Empty when the response says nothing, or came out of a cache. */
  readonly policies: readonly ParsedPolicy[];
  /** Seconds to wait before the next request; it has precedence over any `resetSeconds`. */
  readonly retryAfterSeconds?: number;
}

/**
 * Reads `RateLimit` and `RateLimit-Policy` of the IETF drafts 07 to 11, the triple of the drafts up to 06, `X-RateLimit-*` in
 * its three meanings, and `Retry-After`. Of several forms in one response the newest counts. Never throws.
 *
 * Moments are compared with the server's own `Date`, so that a client whose clock is wrong waits as long as it must.
 *
 * @example
 * const { retryAfterSeconds, policies } = parseRateLimit(response.headers);
 */
export function parseRateLimit(headers: ResponseHeaders, options: ParseRateLimitOptions = {}): ParsedRateLimit {
  const { legacyReset = 'auto', nowMs = Date.now() } = options;
  const field = readFields(headers);
  const sentMs = parseHttpDate(field('date') ?? '') ?? nowMs;
  const secondsUntil = (momentMs: number) => Math.max(0, Math.ceil((momentMs - sentMs) / 1000));

  const readReset = (reset: string) => {
    const iso = parseIsoDate(reset);
    if (iso !== undefined) return legacyReset === 'auto' || legacyReset === 'iso-8601' ? secondsUntil(iso) : undefined;
    if (!/^\d{1,15}(?:\.\d{1,9})?$/.test(reset)) return undefined;
    const number = Number(reset);
    const isMoment = legacyReset === 'auto' ? number > EARLIEST_MOMENT : legacyReset === 'epoch-seconds';
    if (isMoment) return secondsUntil(number * 1000);
    return legacyReset === 'iso-8601' ? undefined : Math.ceil(number);
  };

  const policies = isFromCache(field)
    ? []
    : (readDraft08(field) ?? readDraft07(field) ?? readDraft06(field) ?? readLegacy(field, readReset) ?? []);
  const retryAfterSeconds = readRetryAfter(field, secondsUntil);
  return retryAfterSeconds === undefined ? { policies } : { policies, retryAfterSeconds };
}

/** As a number of seconds since 1970, September 2001. */
const EARLIEST_MOMENT = 1_000_000_000;

/** draft-ietf-httpapi-ratelimit-headers-10 §7.3: what a cache kept was true for another request. */
function isFromCache(field: FieldReader): boolean {
  return /^0*[1-9]\d*$/.test(field('age') ?? '');
}

/** RFC 9110 §10.2.3: seconds, or the moment. */
function readRetryAfter(field: FieldReader, secondsUntil: (momentMs: number) => number): number | undefined {
  const value = field('retry-after') ?? '';
  if (/^\d{1,15}$/.test(value)) return Number(value);
  const moment = parseHttpDate(value);
  return moment === undefined ? undefined : secondsUntil(moment);
}
