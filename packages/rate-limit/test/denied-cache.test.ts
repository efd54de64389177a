import { describe, expect, it } from '@jest/globals';
import type { Decision } from '../src/decision.js';
import { DeniedCache } from '../src/denied-cache.js';
import { resolvePolicies } from '../src/policies.js';

const setOf = (limit: number) => resolvePolicies([{ name: 'p', limit, windowMs: 10_000 }], 'n');
const set = setOf(5);

function denial(changes: Partial<Decision> = {}): Decision {
  const verdict = { name: 'p', limit: 5, windowMs: 10_000, unit: 'requests', remaining: 1 } as const;
  const policies = [{ ...verdict, resetMs: 9_000, retryAfterMs: 800, isAllowed: false }];
  return {
    outcome: 'denied',
    isAllowed: false,
    key: 'ann',
    cost: 2,
    policies,
    reason: 'limit',
    retryAfterMs: 800,
    ...changes,
  };
}

function cacheAt(time: { now: number }, maxMs = 2_000, maxKeys = 10) {
  return new DeniedCache(maxMs, () => time.now, maxKeys);
}

describe('DeniedCache', () => {
  it('repeats a denial with the time that has passed taken off, until it may be over', () => {
    const time = { now: 100 };
    const cache = cacheAt(time);
    cache.remember('k', set, denial());
    time.now += 300.5;
    expect(cache.get('k', set, 3)).toMatchObject({
      cost: 3,
      retryAfterMs: 500,
      policies: [{ resetMs: 8_700, retryAfterMs: 500 }],
    });
    time.now = 100 + 799;
    expect(cache.get('k', set, 2)).toBeUndefined();
  });

  it('takes a denial for true no longer than it is told', () => {
    const time = { now: 0 };
    const cache = cacheAt(time, 100);
    cache.remember('k', set, denial());
    time.now = 99;
    expect(cache.get('k', set, 2)).toBeDefined();
    time.now = 100;
    expect(cache.get('k', set, 2)).toBeUndefined();
  });

  it('asks Redis about a smaller cost, and about other limits', () => {
    const cache = cacheAt({ now: 0 });
    cache.remember('k', set, denial());
    expect(cache.get('k', set, 1)).toBeUndefined();
    expect(cache.get('k', set, 2)).toBeDefined();
    expect(cache.get('k', setOf(6), 2)).toBeUndefined();
  });

  it('holds a ban against every cost', () => {
    const cache = cacheAt({ now: 0 });
    cache.remember('k', set, denial({ reason: 'banned' }));
    expect(cache.get('k', set, 1)).toMatchObject({ reason: 'banned', cost: 1 });
  });

  it('remembers neither admissions nor full flights, and nothing when it is off', () => {
    const cache = cacheAt({ now: 0 });
    const [verdict] = denial().policies;
    const flight = denial({ policies: verdict === undefined ? [] : [{ ...verdict, unit: 'concurrent-requests' }] });
    cache.remember('k', set, flight);
    cache.remember('k', set, denial({ outcome: 'allowed', isAllowed: true }));
    expect(cache.get('k', set, 2)).toBeUndefined();
    const off = cacheAt({ now: 0 }, 0);
    off.remember('k', set, denial());
    expect(off.get('k', set, 2)).toBeUndefined();
  });

  it('forgets on demand, and the key that was asked for longest ago when there are too many', () => {
    const cache = cacheAt({ now: 0 }, 2_000, 2);
    for (const key of ['a', 'b']) cache.remember(key, set, denial());
    cache.get('a', set, 2);
    cache.remember('c', set, denial());
    expect(['a', 'b', 'c'].map((key) => cache.get(key, set, 2) !== undefined)).toEqual([true, false, true]);
    cache.delete('a');
    expect(cache.get('a', set, 2)).toBeUndefined();
    cache.clear();
    expect(cache.get('c', set, 2)).toBeUndefined();
  });
});
