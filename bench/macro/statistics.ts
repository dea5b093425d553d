/** Medians and percentiles. */

/** Value below which `percent` of the samples lie (nearest rank). `sorted` ascending and not empty. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  // In thousandths: 99.9 % of 1000 is 999 and not a little more.
  const rank = Math.ceil(Math.round(percent * 1000 * sorted.length) / 100_000);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1];
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Of at least one value. Where the values were taken under `conditions` different conditions by turns, each of
 * these has its own median, and `median` is their mean: between two heaps of values lies no typical one.
 */
export function spreadOf(values: readonly number[], conditions = 1): Spread {
  const groups = Array.from({ length: conditions }, (_, condition) =>
    values.filter((_value, index) => index % conditions === condition),
  ).filter((group) => group.length > 0);
  const sum = groups.reduce((total, group) => total + medianOf(group), 0);
  return { median: sum / groups.length, min: Math.min(...values), max: Math.max(...values) };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
