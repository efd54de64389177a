import type { Decision } from '../decision.js';
import { toSeconds } from './seconds.js';
import { serializeInteger } from './structured-fields.js';

/**
 * The value of `Retry-After` (RFC 9110 §10.2.3, delay-seconds) for a request that is turned away, or `undefined` where none is
 * due: an admitted request, or a client on the block list, whom waiting does not help.
 *
 * At least 1, because clients that obey a 0 loop; never before the wait of any policy that refused; up to
 * `jitterSeconds` later, so that those who were refused together do not return together.
 */
export function retryAfter(decision: Decision, jitterSeconds: number, random: () => number): string | undefined {
  if (decision.isAllowed || decision.reason === 'blocked') return undefined;
  const waitMs = decision.policies.reduce(
    (longest, { isAllowed, retryAfterMs }) => (isAllowed ? longest : Math.max(longest, retryAfterMs)),
    decision.retryAfterMs,
  );
  const jitter = jitterSeconds === 0 ? 0 : Math.floor(random() * (jitterSeconds + 1));
  return serializeInteger(Math.max(1, toSeconds(waitMs)) + jitter);
}
