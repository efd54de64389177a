// draft-ietf-httpapi-ratelimit-headers-07 (March 2023): one Dictionary `RateLimit` about one policy, and the
// `RateLimit-Policy` of revision 06. Pinned to that revision.

import type { Decision } from '../decision.js';
import { closestPolicy } from './closest-policy.js';
import { countsRequests, policyField, resetSeconds } from './draft-06.js';
import type { HeaderField } from './headers.js';
import { serializeInteger } from './structured-fields.js';

/** `RateLimit: limit=100, remaining=50, reset=5` and `RateLimit-Policy`. */
export function draft07Fields(decision: Decision): HeaderField[] {
  const policy = closestPolicy(decision.policies.filter(countsRequests));
  if (policy === undefined) return [];
  const members = { limit: policy.limit, remaining: policy.remaining, reset: resetSeconds(policy) };
  const value = Object.entries(members).map(([key, number]) => `${key}=${serializeInteger(number)}`);
  return [['RateLimit', value.join(', ')], ...policyField(decision)];
}
