/**
 * How often each duration occurred, as pairs of a duration and a number: exact to a tenth of a microsecond up to a
 * millisecond, to a percent beyond. Small enough to be handed on, and those of several pieces can be put together.
 */

/** [microseconds, how often], ascending. */
export type Histogram = readonly (readonly [number, number])[];

const TENTHS = 10;
const EXACT_MAX_US = 1000;
const STEPS_PER_E = 100;

/** @param samplesUs durations in microseconds, in any order */
export function histogramOf(samplesUs: Iterable<number>): Histogram {
  const counts = new Map<number, number>();
  for (const sample of samplesUs) {
    const value = rounded(sample);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return ascending(counts);
}

export function together(histograms: readonly Histogram[]): Histogram {
  const counts = new Map<number, number>();
  for (const [value, count] of histograms.flat()) {
    counts.set(value, (counts.get(value) ?? 0) + count);
  }
  return ascending(counts);
}

/** Duration that `percent` of the samples don't exceed (nearest rank). Of at least one sample. */
export function percentileOf(histogram: Histogram, percent: number): number {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  // In thousandths: 99.9 % of 1000 is 999 and not a little more.
  let left = Math.max(1, Math.ceil(Math.round(percent * 1000 * total) / 100_000));
  for (const [value, count] of histogram) {
    left -= count;
    if (left <= 0) return value;
  }
  return histogram[histogram.length - 1][0];
}

function rounded(sampleUs: number): number {
  if (sampleUs <= EXACT_MAX_US) return Math.round(sampleUs * TENTHS) / TENTHS;
  return Math.round(Math.exp(Math.round(Math.log(sampleUs) * STEPS_PER_E) / STEPS_PER_E));
}

function ascending(counts: ReadonlyMap<number, number>): Histogram {
  return [...counts].toSorted(([a], [b]) => a - b);
}
