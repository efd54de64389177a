import type { PolicyVerdict } from '../decision.js';

/**
 * The policy that fields with room for one show: the one that the client hits first.
 *
 * 1. One that refused, and of several the one with the longest wait.
 * 2. Otherwise one that counts requests, because nobody reads bytes out of these fields.
 * 3. Of these the one with the fewest remaining (the drafts ask for it, and only then is `Remaining` a number of requests
 *    that will all be admitted); of equals the one that takes longer to be full again.
 *
 * @returns `undefined` when there is no policy
 */
export function closestPolicy(policies: readonly PolicyVerdict[]): PolicyVerdict | undefined {
  return policies.reduce<PolicyVerdict | undefined>(
    (closest, policy) => (closest === undefined || isCloser(policy, closest) ? policy : closest),
    undefined,
  );
}

function isCloser(a: PolicyVerdict, b: PolicyVerdict): boolean {
  if (a.isAllowed !== b.isAllowed) return b.isAllowed;
  if (!a.isAllowed) return a.retryAfterMs > b.retryAfterMs;
  if (a.unit !== b.unit && (a.unit === 'requests' || b.unit === 'requests')) return a.unit === 'requests';
  return a.remaining === b.remaining ? a.resetMs > b.resetMs : a.remaining < b.remaining;
}
