// What a shared cache may store, and for how long (RFC 9111). Pure: facts in, a verdict out; no I/O and no clock. Each
// clause stands under the section that it implements; where this cache is stricter than the RFC, it says so.

import { deltaSeconds, parseCacheControl } from './cache-control.js';
import type { NotStoredReason } from './events.js';
import { parseHttpDate } from './http-date.js';

/** Stored for `ttlMs` unless the response says otherwise. */
const CACHEABLE = new Set([200, 203, 204, 300, 301, 308]);
/** Stored only when the response itself says for how long. */
const CACHEABLE_IF_EXPLICIT = new Set([302, 307, 404, 410]);

export interface RequestFacts {
  readonly cacheControl: string | undefined;
  /** The request carries credentials, cookies or a session, and the key does not hold the user. */
  readonly isPersonal: boolean;
}

export interface ResponseFacts {
  readonly status: number;
  /** Value of a header by lower-case name, several lines joined by commas; `undefined` when absent. */
  readonly header: (name: string) => string | undefined;
}

export interface PolicySettings {
  /** How long a response is fresh that does not say, in milliseconds. */
  readonly ttlMs: number;
  readonly maxBodyBytes: number;
}

/** What to do with a response. */
export type Verdict =
  | {
      readonly isStorable: true;
      readonly ttlMs: number;
      /** Said to be for everyone: may also answer requests that carry credentials. */
      readonly isShared: boolean;
      /** How old it was when it came, in seconds. */
      readonly ageSeconds: number;
    }
  | { readonly isStorable: false; readonly reason: NotStoredReason };

/** Decides on a response to GET. */
export function judge(
  request: RequestFacts,
  response: ResponseFacts,
  settings: PolicySettings,
  nowMs: number,
): Verdict {
  const { status, header } = response;
  const directives = parseCacheControl(header('cache-control') ?? '');
  const refuse = (reason: NotStoredReason): Verdict => ({ isStorable: false, reason });

  // RFC 9111 §5.2.1.5: no part of the response to a request with no-store may be stored.
  if (parseCacheControl(request.cacheControl ?? '').has('no-store')) return refuse('no-store');
  // RFC 9111 §5.2.2.5. Departs from §5.2.2.3: must-understand does not lift it.
  if (directives.has('no-store')) return refuse('no-store');
  // RFC 9111 §5.2.2.7. Stricter: also when it names single fields.
  if (directives.has('private')) return refuse('private');
  // RFC 9111 §5.2.2.4 asks for a validation before each use, which this cache does not do.
  if (directives.has('no-cache')) return refuse('no-cache');
  // RFC 9111 §3.3: storing parts is optional; this cache does not.
  if (status === 206 || header('content-range') !== undefined) return refuse('range');
  // RFC 9111 §3, and no errors unless they say for how long.
  if (!CACHEABLE.has(status) && !CACHEABLE_IF_EXPLICIT.has(status)) return refuse('status');
  // RFC 9111 §7.3: cookies are for one client. Stricter: even a response that is public is not stored with them.
  if (header('set-cookie') !== undefined) return refuse('set-cookie');
  // RFC 9111 §4.1: `*` never matches a later request.
  if ((header('vary') ?? '').split(',').some((name) => name.trim() === '*')) return refuse('vary');
  // A stream without an end, and fields that come after the body.
  if (/^\s*text\/event-stream\b/i.test(header('content-type') ?? '')) return refuse('event-stream');
  if (header('trailer') !== undefined) return refuse('trailers');

  // RFC 9111 §3.5. Stricter: must-revalidate alone is not taken for a permission to share.
  const isShared = directives.has('public') || directives.has('s-maxage');
  if (request.isPersonal && !isShared) return refuse('personal');

  if (Number(header('content-length') ?? 0) > settings.maxBodyBytes) return refuse('too-large');

  const explicitMs = explicitLifetimeMs(directives, header, nowMs);
  if (explicitMs === undefined && CACHEABLE_IF_EXPLICIT.has(status)) return refuse('status');
  // RFC 9111 §4.2.3: the time that the response spent in other caches counts.
  const ageSeconds = deltaSeconds(header('age')) ?? 0;
  const ttlMs = (explicitMs ?? settings.ttlMs) - ageSeconds * 1_000;
  return ttlMs > 0 ? { isStorable: true, ttlMs, isShared, ageSeconds } : refuse('not-fresh');
}

/** RFC 9111 §4.2.1: s-maxage, else max-age, else Expires minus Date; `undefined` when the response says nothing. */
function explicitLifetimeMs(
  directives: ReadonlyMap<string, string>,
  header: ResponseFacts['header'],
  nowMs: number,
): number | undefined {
  const seconds = deltaSeconds(directives.get('s-maxage') ?? directives.get('max-age'));
  if (seconds !== undefined) return seconds * 1_000;
  const expires = header('expires');
  if (expires === undefined) return undefined;
  const expiresMs = parseHttpDate(expires, nowMs);
  // RFC 9111 §5.3: an invalid date, "0" above all, means that it has expired.
  if (expiresMs === undefined) return 0;
  return expiresMs - (parseHttpDate(header('date') ?? '', nowMs) ?? nowMs);
}
