// What a session object holds that Redis does not: changed properties, and an idle limit of its own.

import type { Session } from 'express-session';
import { SessionDataError, SessionTooLargeError } from './errors.js';
import { compareFields, encodeFields, sizeOf, type FieldChanges } from './session-record.js';
import { stateOf } from './session-state.js';

/** express-session sets limits anew on each touch, by clocks that tick in between. */
const TOLERANCE_MS = 1_000;

/** What a commit has to write, and what is stored after it. */
export interface PendingChanges {
  readonly changes: FieldChanges | undefined;
  readonly fields: ReadonlyMap<string, string>;
  readonly maxAgeMs: number | undefined;
}

/**
 * Gives what of a session is not stored yet.
 *
 * @throws {SessionDataError} when a property has no JSON form
 */
export function pendingChanges(session: object): PendingChanges {
  const state = stateOf(session);
  const fields = encodeFields(session);
  let changes = compareFields(state?.stored ?? new Map(), fields);
  const maxAgeMs = ownMaxAgeOf(session);
  if (maxAgeMs !== state?.maxAgeMs) {
    changes ??= { set: [], removed: [] };
    if (maxAgeMs === undefined) changes.removed.push('m');
    else changes.set.push('m', String(maxAgeMs));
  }
  return { changes, fields, maxAgeMs };
}

/** Whether a session differs from what Redis holds; one that cannot be encoded does. */
export function hasChanged(session: object): boolean {
  try {
    return pendingChanges(session).changes !== undefined;
  } catch (error) {
    if (error instanceof SessionDataError) return true;
    throw error;
  }
}

/**
 * Refuses a session that grows beyond the limit. One that is too big already may stay so, or shrink: else a lower limit
 * would lock its owner out.
 *
 * @throws {SessionTooLargeError}
 */
export function checkSize(fields: ReadonlyMap<string, string>, session: object, maxBytes: number): void {
  const bytes = sizeOf(fields);
  if (bytes > maxBytes && bytes > sizeOf(stateOf(session)?.stored ?? new Map())) {
    throw new SessionTooLargeError(bytes, maxBytes);
  }
}

/** The limit that somebody gave to this session by `cookie.maxAge` or `cookie.expires`, in this request or an earlier one. */
function ownMaxAgeOf(session: object): number | undefined {
  const state = stateOf(session);
  const { cookie } = session as Partial<Session>;
  if (state === undefined || cookie === undefined) return state?.maxAgeMs;
  const { originalMaxAge } = cookie;
  const { usualMaxAge } = state;
  if (typeof originalMaxAge !== 'number') return usualMaxAge === null ? state.maxAgeMs : undefined;
  if (usualMaxAge !== null && Math.abs(originalMaxAge - usualMaxAge) <= TOLERANCE_MS) return state.maxAgeMs;
  return Math.max(1, Math.round(originalMaxAge));
}
