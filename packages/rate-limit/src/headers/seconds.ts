// Fields speak in whole seconds, the limiter in milliseconds. Waits are rounded up, so that a client that comes back when it
// was told is not early.

import type { PolicyVerdict } from '../decision.js';

/** Milliseconds of waiting as whole seconds, rounded up. */
export function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/**
 * The window for the parameter `w`, or `undefined` where it has none: `w` is a whole number of seconds above 0, and a window
 * of 250 ms announced as 1 s, or one of 1.5 s as 2 s, would be another policy. The parameter is optional, so it is left out.
 */
export function windowSeconds({ windowMs, unit }: PolicyVerdict): number | undefined {
  // Requests in flight are bounded at every moment and not per window.
  return unit === 'concurrent-requests' || windowMs <= 0 || windowMs % 1000 !== 0 ? undefined : windowMs / 1000;
}
