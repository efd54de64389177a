import { describe, expect, it } from '@jest/globals';
import { guardMs, localEnd, renewalDelayMs, retryDelayMs } from '../src/lease-time.js';

describe('guardMs()', () => {
  it('is 50 ms for short leases and 5 % for long ones', () => {
    expect([200, 1_000, 10_000].map(guardMs)).toStrictEqual([50, 50, 500]);
  });
});

describe('localEnd()', () => {
  it('counts from the moment of sending and ends before the lease does', () => {
    expect(localEnd(1_000, 10_000)).toBe(1_000 + 10_000 - 500);
  });
});

describe('renewalDelayMs() and retryDelayMs()', () => {
  it('leave room for two renewals that fail', () => {
    for (const leaseMs of [200, 1_000, 10_000]) {
      expect(2 * renewalDelayMs(leaseMs) + retryDelayMs(leaseMs)).toBeLessThan(leaseMs);
    }
  });
});
