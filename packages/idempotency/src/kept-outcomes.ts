// Which answers are kept. Pure.

/** Below 500, but they say "not now" and nothing about the operation. RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4. */
const TEMPORARY = new Set([408, 425, 429]);

/**
 * Whether an answer with this status is the operation's outcome, to be given again; otherwise the key becomes free.
 *
 * @param hasEffect whether the handler has marked an effect: it cannot be run again, so whatever it answered is the outcome
 */
export function isKept(status: number, hasEffect: boolean): boolean {
  return hasEffect || (status < 500 && !TEMPORARY.has(status));
}
