// draft-ietf-httpapi-ratelimit-headers-08 to -11 (2024 to May 2026), whose syntax is the same: two Lists of named policies.
//
//   RateLimit-Policy: "burst";q=20;w=1, "day";q=5000;w=86400
//   RateLimit: "burst";r=19;t=1, "day";r=4999;t=86400
//
// `t` is when more quota is there. An admitted request knows when the whole quota is, which is no earlier; r units within t
// seconds is then a pace that the policy bears. On a refusal the policies that refused say when they would admit, and the others
// say nothing, so that `Retry-After` is never earlier than a `t`.

import { createHash } from 'node:crypto';
import type { Decision, PolicyVerdict } from '../decision.js';
import type { HeaderField } from './headers.js';
import { toSeconds, windowSeconds } from './seconds.js';
import { serializeBytes, serializeInteger, serializeItem, serializeString } from './structured-fields.js';

/** A verdict that remembers whom it is about, where two limiters with different keys speak in one response. */
export interface KeyedVerdict extends PolicyVerdict {
  readonly key?: string;
}

/** `RateLimit` and `RateLimit-Policy`; with the parameter `pk` when `hasPartitionKey`. */
export function draft08Fields(decision: Decision, hasPartitionKey: boolean): HeaderField[] {
  const { key, isAllowed } = decision;
  const policies: readonly KeyedVerdict[] = decision.policies;
  if (policies.length === 0) return [];
  const states: string[] = [];
  const quotas: string[] = [];
  for (const policy of policies) {
    const name = serializeString(policy.name);
    const pk = hasPartitionKey ? partitionKey(policy.name, policy.key ?? key) : undefined;
    const w = integerOrNothing(windowSeconds(policy));
    const qu = policy.unit === 'requests' ? undefined : serializeString(policy.unit);
    const t = integerOrNothing(secondsUntilMore(policy, isAllowed));
    states.push(serializeItem(name, { r: serializeInteger(policy.remaining), t, pk }));
    quotas.push(serializeItem(name, { q: serializeInteger(policy.limit), qu, w, pk }));
  }
  return [
    ['RateLimit', states.join(', ')],
    ['RateLimit-Policy', quotas.join(', ')],
  ];
}

function secondsUntilMore(policy: PolicyVerdict, isAdmitted: boolean): number | undefined {
  const waitMs = isAdmitted ? policy.resetMs : policy.isAllowed ? 0 : policy.retryAfterMs;
  // Nothing is missing, or it is not known when (requests in flight end when they end).
  return waitMs === 0 ? undefined : toSeconds(waitMs);
}

/** Equal for requests of one client, and no address or account: the first 72 bits of a digest. */
function partitionKey(name: string, key: string): string {
  return serializeBytes(createHash('sha256').update(`${name}\0${key}`).digest().subarray(0, 9));
}

function integerOrNothing(value: number | undefined): string | undefined {
  return value === undefined ? undefined : serializeInteger(value);
}
