import { describe, expect, it } from '@jest/globals';
import { rateLimitFields, retryAfter } from '../src/headers.js';

describe('rateLimitFields()', () => {
  it('gives limit, remaining and the seconds until the full limit is back, rounded up', () => {
    const verdict = { isAllowed: true, limit: 100, remaining: 99, resetMs: 59_001, retryAfterMs: 0 };
    expect(rateLimitFields(verdict)).toEqual([
      ['X-RateLimit-Limit', '100'],
      ['X-RateLimit-Remaining', '99'],
      ['X-RateLimit-Reset', '60'],
    ]);
  });
});

describe('retryAfter()', () => {
  it.each([
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [86_400_000, '86400'],
  ])('turns %i ms into whole seconds, never 0 and never too early: %s (RFC 9110 §10.2.3)', (ms, seconds) => {
    expect(retryAfter(ms)).toBe(seconds);
  });
});
