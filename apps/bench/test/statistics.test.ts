import { describe, expect, it } from '@jest/globals';
import { median, quantile, relativeSpread, shuffled } from '../src/statistics.js';

describe('median()', () => {
  it('gives the middle value, or the mean of the two', () => {
    expect(median([5])).toBe(5);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
  });

  it('leaves the values in their order', () => {
    const values = Object.freeze([3, 1, 2]);
    expect(median(values)).toBe(2);
  });

  it('refuses nothing', () => {
    expect(() => median([])).toThrow('no median of nothing');
  });
});

describe('relativeSpread()', () => {
  it('gives the median absolute deviation as a share of the median', () => {
    expect(relativeSpread([10, 10, 10])).toBe(0);
    expect(relativeSpread([90, 100, 120])).toBeCloseTo(0.1);
  });

  it('does not care how far off one outlier is', () => {
    expect(relativeSpread([98, 99, 100, 101, 10_000])).toBeCloseTo(0.01);
  });

  it('is 0 where the median is', () => {
    expect(relativeSpread([0, 0, 5])).toBe(0);
  });
});

describe('quantile()', () => {
  it('gives the value at the rank', () => {
    const values = Float64Array.from({ length: 100 }, (_, index) => index + 1);
    expect([quantile(values, 0), quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([
      1, 51, 100, 100,
    ]);
  });

  it('refuses nothing', () => {
    expect(() => quantile([], 0.5)).toThrow('no quantile of nothing');
  });
});

describe('shuffled()', () => {
  it('keeps every value once and the given list as it was', () => {
    const values = Object.freeze(['a', 'b', 'c', 'd']);
    expect(shuffled(values).toSorted()).toEqual(values);
  });

  it('orders by the random numbers', () => {
    const numbers = [0.9, 0.1, 0.5];
    expect(shuffled(['a', 'b', 'c'], () => numbers.shift() ?? 0)).toEqual(['b', 'c', 'a']);
  });
});
