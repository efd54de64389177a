// What a shared cache may store, and for how long (RFC 9111). Pure: facts in, a verdict out; no I/O and no clock. Each
// clause stands under the section that it implements; where this cache is stricter than the RFC, it says so.

import { deltaSeconds, parseCacheControl } from './cache-control.js';
import type { NotStoredReason } from './events.js';
import { parseHttpDate } from './http-date.js';
import type { Life } from './response-frame.js';

/** Stored for `ttlMs` unless the response says otherwise. */
const CACHEABLE = new Set([200, 203, 204, 300, 301, 308]);
/** Stored only when the response itself says for how long. */
const CACHEABLE_IF_EXPLICIT = new Set([302, 307, 404, 410]);

export interface RequestFacts {
  readonly cacheControl: string | undefined;
  /** The request carries credentials, cookies or a session, and the key does not hold the user. */
  readonly isPersonal: boolean;
  /** How long the handler took, in milliseconds. */
  readonly delayMs: number;
}

export interface ResponseFacts {
  readonly status: number;
  /** Value of a header by lower-case name, several lines joined by commas; `undefined` when absent. */
  readonly header: (name: string) => string | undefined;
}

export interface PolicySettings {
  /** How long a response is fresh that does not say, in milliseconds. */
  readonly ttlMs: number;
  /** Part of the time since Last-Modified for which a response is fresh that says no more; 0 for `ttlMs` in its place. */
  readonly heuristicFraction: number;
  readonly heuristicMaxMs: number;
  readonly maxBodyBytes: number;
  /** How long a stale response with a validator is kept, so that the handler can confirm it, in milliseconds. */
  readonly revalidateMs: number;
  /** Opinions where the response says nothing, in milliseconds. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/** What to do with a response. */
export type Verdict =
  | {
      readonly isStorable: true;
      readonly life: Life;
      /** How long it is of use after it has become stale. */
      readonly keepMs: number;
      /** Said to be for everyone: may also answer requests that carry credentials. */
      readonly isShared: boolean;
      /** How old it was when it came, in seconds. */
      readonly ageSeconds: number;
    }
  | { readonly isStorable: false; readonly reason: NotStoredReason };

/** A verdict that allows it. */
export type Storable = Extract<Verdict, { isStorable: true }>;

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
  // RFC 9111 §5.2.2.5, and §5.2.2.3: must-understand lifts it for those who know the status code.
  const isUnderstood = CACHEABLE.has(status) || CACHEABLE_IF_EXPLICIT.has(status);
  const isLifted = directives.has('must-understand') && isUnderstood;
  if (directives.has('no-store') && !isLifted) return refuse('no-store');
  // RFC 9111 §5.2.2.7. Stricter: also when it names single fields.
  if (directives.has('private')) return refuse('private');
  // RFC 9111 §3.3: storing parts is optional; this cache does not.
  if (status === 206 || header('content-range') !== undefined) return refuse('range');
  // RFC 9111 §3, and no errors unless they say for how long.
  if (!isUnderstood) return refuse('status');
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
  const ageSeconds = initialAgeSeconds(header, nowMs, request.delayMs);
  // RFC 9111 §5.2.2.4: not to be used without asking first, so it is not stored. Stricter: also when it names single fields.
  const isAsked = directives.has('no-cache');
  const ttlMs = isAsked
    ? 0
    : Math.max(0, (explicitMs ?? impliedLifetimeMs(header, settings, nowMs)) - ageSeconds * 1_000);
  // What is stale from the start lives by what it says itself, not by opinions.
  const none = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
  const life: Life = { ttlMs, ...staleWindows(directives, ttlMs > 0 ? settings : none) };
  // Only a whole representation with a validator can be confirmed by a 304.
  const hasValidator = header('etag') !== undefined || header('last-modified') !== undefined;
  const confirmMs = status === 200 && hasValidator ? settings.revalidateMs : 0;
  const keepMs = Math.max(life.staleWhileRevalidateMs, life.staleIfErrorMs, confirmMs);
  // What had to be confirmed each time would save nothing: the handler that confirms it is in this very process.
  const isUseful = ttlMs + life.staleWhileRevalidateMs + life.staleIfErrorMs > 0;
  if (!isUseful) return refuse(isAsked ? 'no-cache' : 'not-fresh');
  return { isStorable: true, life, keepMs, isShared, ageSeconds };
}

/**
 * How old a response is when it comes (RFC 9111 §4.2.3): what `Age` says and the time that it took since, or what `Date`
 * shows, whichever is more. Of a list the first member counts, and what is no number is ignored (§5.1). What has no `Age`
 * was made by the handler itself, and is new when it comes, however long that took.
 */
function initialAgeSeconds(header: ResponseFacts['header'], nowMs: number, delayMs: number): number {
  const [first = ''] = (header('age') ?? '').split(',');
  const age = /^\d+$/.test(first.trim()) ? deltaSeconds(first.trim()) : undefined;
  const corrected = age === undefined ? 0 : age + Math.floor(Math.max(0, delayMs) / 1_000);
  const dateMs = parseHttpDate(header('date') ?? '', nowMs) ?? nowMs;
  return Math.max(corrected, Math.floor((nowMs - dateMs) / 1_000), 0);
}

/** How long it may be served stale (RFC 5861 §3, §4). */
function staleWindows(
  directives: ReadonlyMap<string, string>,
  opinions: Pick<PolicySettings, 'staleWhileRevalidateMs' | 'staleIfErrorMs'>,
): Omit<Life, 'ttlMs'> {
  // RFC 9111 §4.2.4: a stale response must not be served where a directive prohibits it.
  if (['must-revalidate', 'proxy-revalidate', 'no-cache'].some((name) => directives.has(name))) {
    return { staleWhileRevalidateMs: 0, staleIfErrorMs: 0, isStaleAllowed: false };
  }
  // RFC 9111 §5.2.2.10: so does s-maxage. Departs from it where the response itself also names a time for stale use: it
  // can't mean that for nobody.
  const isStaleAllowed = !directives.has('s-maxage');
  const window = (name: string, opinionMs: number) => {
    const seconds = deltaSeconds(directives.get(name));
    return seconds === undefined ? (isStaleAllowed ? opinionMs : 0) : seconds * 1_000;
  };
  return {
    staleWhileRevalidateMs: window('stale-while-revalidate', opinions.staleWhileRevalidateMs),
    staleIfErrorMs: window('stale-if-error', opinions.staleIfErrorMs),
    isStaleAllowed,
  };
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

/** The life of a response that doesn't say: by RFC 9111 §4.2.2 where that is wanted and possible, else the cache's opinion. */
function impliedLifetimeMs(header: ResponseFacts['header'], settings: PolicySettings, nowMs: number): number {
  const { ttlMs, heuristicFraction, heuristicMaxMs } = settings;
  const modifiedMs = heuristicFraction > 0 ? parseHttpDate(header('last-modified') ?? '', nowMs) : undefined;
  if (modifiedMs === undefined) return ttlMs;
  const dateMs = parseHttpDate(header('date') ?? '', nowMs) ?? nowMs;
  // In whole seconds, as HTTP counts; what was modified after it was sent has no life.
  const seconds = Math.floor((heuristicFraction * Math.max(0, dateMs - modifiedMs)) / 1_000);
  return Math.min(seconds * 1_000, heuristicMaxMs);
}
