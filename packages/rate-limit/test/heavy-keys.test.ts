import { describe, expect, it } from '@jest/globals';
import { HeavyKeys } from '../src/heavy-keys.js';

describe('HeavyKeys', () => {
  it('names the heaviest keys among a hundred thousand, never too high and hardly too low', () => {
    const heavy = new HeavyKeys(() => 0);
    let total = 0;
    for (let round = 0; round < 100_000; round += 1) {
      heavy.add(`one-${round}`, 1);
      total += 1;
      for (const [key, every] of [
        ['first', 4],
        ['second', 10],
        ['third', 25],
      ] as const) {
        if (round % every !== 0) continue;
        heavy.add(key, 1);
        total += 1;
      }
    }
    const top = heavy.top(3);
    expect(top.map(({ key }) => key)).toEqual(['first', 'second', 'third']);
    for (const [index, truth] of [25_000, 10_000, 4_000].entries()) {
      expect(top[index]?.cost).toBeLessThanOrEqual(truth);
      expect(top[index]?.cost).toBeGreaterThanOrEqual(truth - total / 512);
    }
  });

  it('forgets half each minute, and all on demand', () => {
    const time = { now: 0 };
    const heavy = new HeavyKeys(() => time.now);
    heavy.add('a', 8);
    time.now = 2 * 60_000 + 1;
    expect(heavy.top(5)).toEqual([{ key: 'a', cost: 2 }]);
    heavy.clear();
    expect(heavy.top(5)).toEqual([]);
  });
});
