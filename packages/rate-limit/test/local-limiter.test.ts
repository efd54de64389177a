import { describe, expect, it } from '@jest/globals';
import { FixedWindow } from '../src/algorithms/fixed-window.js';
import { LocalLimiter } from '../src/local-limiter.js';

function limiterAt(time: { now: number }, maxKeys?: number): LocalLimiter {
  return new LocalLimiter(
    () => new FixedWindow({ limit: 1, windowMs: 1_000 }),
    () => time.now,
    maxKeys,
  );
}

describe('LocalLimiter', () => {
  it('counts each key for itself, by its clock', () => {
    const time = { now: 5_000.7 };
    const limiter = limiterAt(time);
    expect(limiter.take('a').isAllowed).toBe(true);
    expect(limiter.take('a')).toMatchObject({ isAllowed: false, retryAfterMs: 1_000 });
    expect(limiter.take('b').isAllowed).toBe(true);
    time.now += 1_000;
    expect(limiter.take('a').isAllowed).toBe(true);
  });

  it('forgets the key that was asked for longest ago when there are too many', () => {
    const limiter = limiterAt({ now: 0 }, 2);
    limiter.take('a');
    limiter.take('b');
    limiter.take('a');
    limiter.take('c');
    expect(limiter.take('a').isAllowed).toBe(false);
    expect(limiter.take('c').isAllowed).toBe(false);
    expect(limiter.take('b').isAllowed).toBe(true);
  });

  it('forgets a key, or all', () => {
    const limiter = limiterAt({ now: 0 });
    limiter.take('a');
    expect(limiter.delete('a')).toBe(true);
    expect(limiter.delete('a')).toBe(false);
    limiter.take('a');
    limiter.clear();
    expect(limiter.take('a').isAllowed).toBe(true);
  });
});
