/** Results in the shape in which they are drawn. */
import type { Metric } from '../macro/axes/axis.js';
import { LIMIT } from '../macro/peers/index.js';
import type { Results } from '../macro/results.js';
import { summarize, type AxisSummary } from '../macro/summary.js';
import { spreadOf } from '../macro/statistics.js';
import type { Series } from './series.js';

/** One sample. */
export interface Point {
  /** Title of the peer. */
  readonly subject: string;
  readonly round: number;
  readonly value: number;
}

/** All samples of one thing, and what they are taken together. */
export interface Range {
  readonly subject: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface MetricData {
  readonly metric: Metric;
  readonly points: readonly Point[];
  readonly ranges: readonly Range[];
}

/** By the axis' metrics, which may be missing in some of the samples. */
export function axisData(results: Results, { axis, rows }: AxisSummary): MetricData[] {
  const titles = new Map(rows.map(({ peer, title }) => [peer, title]));
  const samples = results.samples.filter((sample) => sample.axis === axis.id);
  return axis.metrics.map((metric) => ({
    metric,
    points: samples.flatMap(({ peer, round, values }): Point[] => {
      const subject = titles.get(peer);
      const value = values[metric.key] as number | undefined;
      return subject === undefined || value === undefined ? [] : [{ subject, round, value }];
    }),
    ranges: rows.flatMap(({ title, values }): Range[] => {
      const spread = values.get(metric.key);
      return spread === undefined ? [] : [{ subject: title, ...spread }];
    }),
  }));
}

export interface Ratio extends Range {
  readonly axis: string;
}

/** What everybody reaches of plain routing, on each axis of which more is better. */
export function ratiosToLimit(results: Results): Ratio[] {
  return summarize(results, LIMIT, '')
    .filter(({ axis }) => axis.metrics[0].better === 'more')
    .flatMap(({ axis, rows }) =>
      rows.flatMap(({ peer, title, toLimit }): Ratio[] =>
        toLimit === null || peer === LIMIT
          ? []
          : [{ axis: axis.title, subject: title, ...toLimit }],
      ),
    );
}

export interface SeriesPoint {
  readonly subject: string;
  readonly x: number;
  readonly y: number;
}

export interface SeriesData {
  readonly points: readonly SeriesPoint[];
  /** At each x the median, for the line; ascending. */
  readonly medians: readonly SeriesPoint[];
}

export function seriesData({ subjects, samples }: Series, chart: string): SeriesData {
  const own = samples.filter((sample) => sample.chart === chart);
  const points = subjects.flatMap(({ id, title }) =>
    own.filter((one) => one.subject === id).map(({ x, y }) => ({ subject: title, x, y })),
  );
  const medians = subjects.flatMap(({ title }) => {
    const of = points.filter(({ subject }) => subject === title);
    const places = [...new Set(of.map(({ x }) => x))].toSorted((a, b) => a - b);
    return places.map((x) => ({
      subject: title,
      x,
      y: spreadOf(of.filter((point) => point.x === x).map(({ y }) => y)).median,
    }));
  });
  return { points, medians };
}
