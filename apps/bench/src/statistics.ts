/** @throws {RangeError} when there is no value */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('There is no median of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** Median absolute deviation, as a share of the median: how far apart the rounds are, whatever one outlier says. */
export function relativeSpread(values: readonly number[]): number {
  const center = median(values);
  return center === 0 ? 0 : median(values.map((value) => Math.abs(value - center))) / center;
}

/** The value below which the share `rank` (0 to 1) of the sorted values lies. */
export function quantile(sorted: ArrayLike<number>, rank: number): number {
  if (sorted.length === 0) throw new RangeError('There is no quantile of nothing');
  return sorted[Math.min(sorted.length - 1, Math.floor(rank * sorted.length))] ?? NaN;
}

/** The values in random order. @param random gives numbers from 0 to below 1 */
export function shuffled<T>(values: readonly T[], random: () => number = Math.random): T[] {
  const keyed = values.map((value) => ({ value, rank: random() }));
  return keyed.toSorted((a, b) => a.rank - b.rank).map(({ value }) => value);
}
