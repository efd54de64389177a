// Which use may be made of a stored response (RFC 9111 §4.2.4, §5.2.1; RFC 5861). Pure. That it is fresh is decided by the
// clock of Redis; how old or how stale it is, by the time stamps.

import { deltaSeconds, parseCacheControl, type Directives } from './cache-control.js';
import type { Life } from './response-frame.js';

/** A stored response, as far as its age goes. */
export interface Aged {
  readonly isFresh: boolean;
  readonly life: Life;
  /** How old it was when it came. */
  readonly ageSeconds: number;
  readonly storedAtMs: number;
  /** When a soft purge ended its life; 0 or absent when none did. */
  readonly softAtMs?: number;
}

/**
 * - `fresh`: answer with it.
 * - `stale`: answer with it; the client said that it takes stale ones.
 * - `stale-while-revalidate`: answer with it, and ask the handler afterwards.
 * - `revalidate`: ask the handler first.
 */
export type Use = 'fresh' | 'stale' | 'stale-while-revalidate' | 'revalidate';

const NO_DIRECTIVES: Directives = new Map();

/**
 * The directives of a request that count.
 *
 * @param isObeying whether clients are obeyed; RFC 9111 §5.2.1 leaves that to the cache
 */
export function requestDirectives(
  headers: { 'cache-control'?: string | undefined; pragma?: string | string[] | undefined },
  isObeying: boolean,
): Directives {
  const { 'cache-control': cacheControl, pragma } = headers;
  if (cacheControl !== undefined) {
    const directives = parseCacheControl(cacheControl);
    // RFC 9111 §5.2.1.7 asks for less work, not for more: it is obeyed always.
    if (isObeying) return directives;
    return directives.has('only-if-cached') ? new Map([['only-if-cached', '']]) : NO_DIRECTIVES;
  }
  // RFC 9111 §5.4: in the absence of Cache-Control, Pragma: no-cache means the same.
  const isNoCache = isObeying && /(?:^|,)\s*no-cache\s*(?:,|$)/i.test(String(pragma ?? ''));
  return isNoCache ? new Map([['no-cache', '']]) : NO_DIRECTIVES;
}

/** Seconds since the response was made (RFC 9111 §4.2.3). */
export function currentAgeSeconds({ ageSeconds, storedAtMs }: Aged, nowMs: number): number {
  return ageSeconds + Math.max(0, Math.floor((nowMs - storedAtMs) / 1_000));
}

/** How long its life has been over; negative while it lasts. */
export function stalenessMs({ isFresh, life, storedAtMs, softAtMs = 0 }: Aged, nowMs: number): number {
  const endedAtMs = storedAtMs + life.ttlMs;
  const staleMs = nowMs - (softAtMs > 0 ? Math.min(softAtMs, endedAtMs) : endedAtMs);
  // The time of Redis is an estimate here, and may lag behind what Redis itself has decided.
  return isFresh ? staleMs : Math.max(0, staleMs);
}

/** Decides on a stored response that may be given to this client. */
export function chooseUse(stored: Aged, request: Directives, nowMs: number): Use {
  const { life, isFresh } = stored;
  // RFC 9111 §5.2.1.4: not without asking the origin.
  if (request.has('no-cache')) return 'revalidate';
  // RFC 9111 §5.2.1.1: not older than that. A broken number is 0, the strictest.
  const maxAge = deltaSeconds(request.get('max-age'));
  if (maxAge !== undefined && currentAgeSeconds(stored, nowMs) > maxAge) return 'revalidate';
  const staleMs = stalenessMs(stored, nowMs);
  // RFC 9111 §5.2.1.3: fresh for that long still. A broken number can't be met.
  const minFresh = request.get('min-fresh');
  if (minFresh !== undefined && (!/^\d+$/.test(minFresh) || -staleMs < Number(minFresh) * 1_000)) return 'revalidate';
  if (isFresh) return 'fresh';
  if (staleMs < life.staleWhileRevalidateMs) return 'stale-while-revalidate';
  // RFC 9111 §5.2.1.2, and §4.2.4: only what the response lets anyone use stale.
  const maxStale = request.get('max-stale');
  const isTaken = maxStale === '' || (maxStale !== undefined && staleMs <= (deltaSeconds(maxStale) ?? 0) * 1_000);
  return isTaken && life.isStaleAllowed ? 'stale' : 'revalidate';
}

/** Whether the handler's failure may be covered by the stored response (RFC 5861 §4). */
export function coversError(stored: Aged, request: Directives, nowMs: number): boolean {
  const { life } = stored;
  // RFC 5861 §4 lets requests say so, too.
  const requestMs = life.isStaleAllowed ? (deltaSeconds(request.get('stale-if-error')) ?? 0) * 1_000 : 0;
  return stalenessMs(stored, nowMs) < Math.max(life.staleIfErrorMs, requestMs);
}
