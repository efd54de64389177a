// What a stored session says about its beginning, and how long it may last.

import type { SessionRecord } from './session-record.js';
import type { SessionState } from './session-state.js';

/** Gives when and where a session was logged in, and when it has to end. */
export function originOf(
  { own, userId, leftMs }: SessionRecord,
  absoluteMs: number,
): Pick<SessionState, 'place' | 'loggedInAt' | 'endMs'> {
  const endMs = Date.now() + leftMs;
  if (userId === undefined) return { endMs };
  const createdMs = Number(own['c']);
  // By the clock of Redis alone, of which this process knows how long the session has left.
  const ageMs = Math.min(Number(own['e']), createdMs + absoluteMs) - leftMs - createdMs;
  const ipPrefix = own['i'] ?? '';
  return {
    endMs,
    loggedInAt: performance.now() - ageMs,
    place: { label: own['a'] ?? '', ipPrefix, lastIpPrefix: own['n'] ?? ipPrefix },
  };
}
