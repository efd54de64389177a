// draft-ietf-httpapi-ratelimit-headers-06 (December 2022): three fields about one policy, and `RateLimit-Policy` about all.
// Pinned to that revision; later ones have files of their own.

import type { Decision, PolicyVerdict } from '../decision.js';
import { closestPolicy } from './closest-policy.js';
import type { HeaderField } from './headers.js';
import { toSeconds, windowSeconds } from './seconds.js';
import { serializeInteger, serializeItem } from './structured-fields.js';

/** `RateLimit-Limit`, `-Remaining`, `-Reset` and `RateLimit-Policy`. */
export function draft06Fields(decision: Decision): HeaderField[] {
  const policy = closestPolicy(decision.policies.filter(countsRequests));
  if (policy === undefined) return [];
  return [
    ['RateLimit-Limit', serializeInteger(policy.limit)],
    ['RateLimit-Remaining', serializeInteger(policy.remaining)],
    ['RateLimit-Reset', serializeInteger(resetSeconds(policy))],
    ...policyField(decision),
  ];
}

/** Until revision 08 there is no quota unit: what is not said in requests is not said. */
export function countsRequests({ unit }: PolicyVerdict): boolean {
  return unit === 'requests';
}

/** `Retry-After` must not lie before the reset, so a policy that refuses tells when it would admit again. */
export function resetSeconds(policy: PolicyVerdict): number {
  return toSeconds(policy.isAllowed ? policy.resetMs : policy.retryAfterMs);
}

/** `RateLimit-Policy: 20;w=1, 5000;w=86400`; `w` is required here, so a window that is not in whole seconds is not listed. */
export function policyField({ policies }: Decision): HeaderField[] {
  const items: string[] = [];
  for (const policy of policies.filter(countsRequests)) {
    const window = windowSeconds(policy);
    if (window === undefined) continue;
    items.push(serializeItem(serializeInteger(policy.limit), { w: serializeInteger(window) }));
  }
  return items.length === 0 ? [] : [['RateLimit-Policy', items.join(', ')]];
}
