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
      expect(2 * renewalDelayMs(leaseMs, 1_234.5) + retryDelayMs(leaseMs)).toBeLessThan(leaseMs);
    }
  });

  it('renew leases of all ages and lengths on a common grid, after a quarter to a third of the lease', () => {
    const times = new Set<number>();
    for (const leaseMs of [3_000, 10_000, 60_000]) {
      for (let now = 0.25; now < 10_000; now += 777.7) {
        const delayMs = renewalDelayMs(leaseMs, now);
        expect(delayMs).toBeGreaterThanOrEqual(leaseMs / 4);
        expect(delayMs).toBeLessThanOrEqual(leaseMs / 3);
        times.add((now + delayMs) % 128);
      }
    }
    expect([...times]).toStrictEqual([0]);
  });
});
