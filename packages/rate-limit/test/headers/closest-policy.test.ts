import { describe, expect, it } from '@jest/globals';
import { closestPolicy } from '../../src/headers/closest-policy.js';
import { verdict } from './arbitrary-decisions.js';

describe('closestPolicy()', () => {
  it('is the one with the fewest remaining', () => {
    const burst = verdict({ name: 'burst', limit: 20, remaining: 19 });
    const day = verdict({ name: 'day', limit: 5_000, remaining: 18 });
    expect(closestPolicy([burst, day])).toBe(day);
    expect(closestPolicy([{ ...burst, remaining: 17 }, day])?.name).toBe('burst');
  });

  it('is of equals the one that takes longer to be full again, in any order', () => {
    const short = verdict({ remaining: 0, resetMs: 1_000 });
    const long = verdict({ remaining: 0, resetMs: 9_000 });
    expect(closestPolicy([short, long])).toBe(long);
    expect(closestPolicy([long, short])).toBe(long);
  });

  it('is one that refused before any other, and of these the one with the longest wait', () => {
    const full = verdict({ remaining: 0 });
    const refusing = verdict({ remaining: 3, isAllowed: false, retryAfterMs: 10 });
    const longer = verdict({ remaining: 4, isAllowed: false, retryAfterMs: 20 });
    expect(closestPolicy([full, refusing])).toBe(refusing);
    expect(closestPolicy([longer, full, refusing])).toBe(longer);
  });

  it('counts requests where it can', () => {
    const requests = verdict({ remaining: 50 });
    const inFlight = verdict({ remaining: 2, unit: 'concurrent-requests' });
    const bytes = verdict({ remaining: 1, unit: 'content-bytes' });
    expect(closestPolicy([inFlight, requests, bytes])).toBe(requests);
    expect(closestPolicy([inFlight, bytes])).toBe(bytes);
    expect(closestPolicy([{ ...bytes, isAllowed: false }, requests])?.unit).toBe('content-bytes');
  });

  it('is nothing of nothing', () => {
    expect(closestPolicy([])).toBeUndefined();
  });
});
