// `X-RateLimit-*`, which no document defines. Three meanings of Reset are in use, so the meaning is an option.

import type { Decision } from '../decision.js';
import { closestPolicy } from './closest-policy.js';
import type { HeaderField } from './headers.js';
import { toSeconds } from './seconds.js';

/**
 * What `X-RateLimit-Reset` says about the moment when the whole limit is back: `'delta-seconds'` how far away it is
 * (Fastify, Envoy), `'epoch-seconds'` when it is, in seconds since 1970 (GitHub, X, Laravel, express-rate-limit), `'iso-8601'`
 * when it is, as text (Atlassian).
 */
export type LegacyReset = 'delta-seconds' | 'epoch-seconds' | 'iso-8601';

/** The last moment that a Date can hold. */
const LAST_MOMENT_MS = 8.64e15;

const resetForms: Readonly<Record<LegacyReset, (resetMs: number, nowMs: number) => string>> = {
  'delta-seconds': (resetMs) => String(toSeconds(resetMs)),
  'epoch-seconds': (resetMs, nowMs) => String(toSeconds(nowMs + resetMs)),
  'iso-8601': (resetMs, nowMs) => new Date(Math.min(nowMs + resetMs, LAST_MOMENT_MS)).toISOString(),
};

/** The three fields, about the policy that the client hits first. */
export function legacyFields(decision: Decision, reset: LegacyReset, nowMs: number): HeaderField[] {
  const policy = closestPolicy(decision.policies);
  if (policy === undefined) return [];
  return [
    ['X-RateLimit-Limit', String(policy.limit)],
    ['X-RateLimit-Remaining', String(policy.remaining)],
    ['X-RateLimit-Reset', resetForms[reset](policy.resetMs, nowMs)],
  ];
}
