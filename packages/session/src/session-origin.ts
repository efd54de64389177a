// How old a log-in is, and when a session has to end: told by the clock of Redis when the session was read, and counted on
// from there by this process's own monotonic clock.

import type { SessionState } from './session-state.js';

/** Gives how long ago the user of this session logged in, in milliseconds. */
export function logInAgeMs({ record, readAt }: SessionState, absoluteMs: number): number {
  const sinceMs = performance.now() - readAt;
  if (record === undefined) return sinceMs;
  const { createdMs, endMs, leftMs, isTakenOver } = record;
  // Nobody knows how long ago the log-in was: it is no fresh one.
  if (isTakenOver) return Number.POSITIVE_INFINITY;
  return Math.min(endMs, createdMs + absoluteMs) - leftMs - createdMs + sinceMs;
}

/** Gives how long a session may still last, in milliseconds. */
export function timeLeftMs({ record, readAt }: SessionState, absoluteMs: number): number {
  return (record?.leftMs ?? absoluteMs) - (performance.now() - readAt);
}
