import * as fc from 'fast-check';
import type { Decision, PolicyVerdict } from '../../src/decision.js';

/** Decisions as the limiter makes them, with the oddest numbers and names that the factory lets through. */

export const printableNames = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
});
const counts = fc.oneof(fc.nat(1_000), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const durations = fc.oneof(
  fc.nat(5_000),
  fc.nat(31_622_400).map((seconds) => seconds * 1000),
  fc.nat(31_622_400_000),
);

export const verdicts: fc.Arbitrary<PolicyVerdict> = fc
  .record({
    name: printableNames,
    limit: counts.map((limit) => Math.max(1, limit)),
    windowMs: durations.map((ms) => Math.max(1, ms)),
    unit: fc.constantFrom('requests', 'requests', 'content-bytes', 'concurrent-requests'),
    remaining: counts,
    resetMs: durations,
    retryAfterMs: durations,
    isAllowed: fc.boolean(),
  })
  .map((verdict) => ({ ...verdict, retryAfterMs: verdict.isAllowed ? 0 : verdict.retryAfterMs }));

export const decisions: fc.Arbitrary<Decision> = fc
  .record({
    key: fc.string({ unit: 'binary' }),
    policies: fc.uniqueArray(verdicts, { selector: ({ name }) => name, minLength: 1, maxLength: 8 }),
  })
  .map(({ key, policies }) => {
    const isAllowed = policies.every((policy) => policy.isAllowed);
    const retryAfterMs = Math.max(...policies.map((policy) => policy.retryAfterMs));
    const reason = isAllowed ? {} : { reason: 'limit' as const };
    return { outcome: isAllowed ? 'allowed' : 'denied', isAllowed, key, cost: 1, policies, retryAfterMs, ...reason };
  });

/** A verdict with the given differences from "100 a minute, 99 left". */
export function verdict(differences: Partial<PolicyVerdict> = {}): PolicyVerdict {
  return {
    name: 'default',
    limit: 100,
    windowMs: 60_000,
    unit: 'requests',
    remaining: 99,
    resetMs: 59_001,
    retryAfterMs: 0,
    isAllowed: true,
    ...differences,
  };
}

/** The decision that these verdicts make. */
export function decision(...policies: PolicyVerdict[]): Decision {
  const isAllowed = policies.every((policy) => policy.isAllowed);
  const retryAfterMs = Math.max(0, ...policies.map((policy) => policy.retryAfterMs));
  const reason = isAllowed ? {} : { reason: 'limit' as const };
  return {
    outcome: isAllowed ? 'allowed' : 'denied',
    isAllowed,
    key: '192.0.2.1',
    cost: 1,
    policies,
    retryAfterMs,
    ...reason,
  };
}
