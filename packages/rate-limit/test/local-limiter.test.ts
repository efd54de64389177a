import { describe, expect, it } from '@jest/globals';
import { LocalLimiter } from '../src/local-limiter.js';
import { resolvePolicies } from '../src/policies.js';

const set = resolvePolicies([{ name: 'p', limit: 1, windowMs: 1_000, algorithm: 'fixed-window' }], 'n');
const consume = { mode: 'consume', cost: 1 } as const;

function limiterAt(time: { now: number }, maxKeys?: number, instances = 1) {
  const limiter = new LocalLimiter(instances, () => time.now, maxKeys);
  return Object.assign(limiter, { take: (key: string, of = set) => limiter.decide(key, of, consume)[0] === 1 });
}

describe('LocalLimiter', () => {
  it('counts each key for itself, by its clock', () => {
    const time = { now: 5_000.7 };
    const limiter = limiterAt(time);
    expect(limiter.take('a')).toBe(true);
    expect(limiter.decide('a', set, consume)).toEqual([0, 0, 0, 1_000_000, 1_000_000]);
    expect(limiter.take('b')).toBe(true);
    time.now += 1_000;
    expect(limiter.take('a')).toBe(true);
  });

  it('forgets the key that was asked for longest ago when there are too many', () => {
    const limiter = limiterAt({ now: 0 }, 2);
    for (const key of ['a', 'b', 'a', 'c']) limiter.take(key);
    expect(limiter.take('a')).toBe(false);
    expect(limiter.take('c')).toBe(false);
    expect(limiter.take('b')).toBe(true);
  });

  it('forgets a key, or all', () => {
    const limiter = limiterAt({ now: 0 });
    limiter.take('a');
    expect(limiter.delete('a')).toBe(true);
    expect(limiter.delete('a')).toBe(false);
    limiter.take('a');
    limiter.clear();
    expect(limiter.take('a')).toBe(true);
  });

  it.each([
    [100, 4, 25],
    [100, 3, 33],
    [3, 10, 1],
  ])('admits of %i, shared by %i processes, %i, by each algorithm', (limit, instances, expected) => {
    for (const algorithm of ['ring', 'token-bucket', 'fixed-window', 'sliding-window', 'sliding-log'] as const) {
      const limiter = limiterAt({ now: 1_000 }, 100, instances);
      const whole = resolvePolicies([{ name: 'p', limit, windowMs: 60_000, algorithm }], 'n');
      const admitted = Array.from({ length: 200 }, () => limiter.take('a', whole)).filter(Boolean).length;
      expect({ algorithm, admitted }).toEqual({ algorithm, admitted: expected });
    }
  });
});
