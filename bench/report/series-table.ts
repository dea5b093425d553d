/** Series as text. */
import { columns, formatted } from '../columns.js';
import { spreadOf } from '../macro/statistics.js';
import type { Series } from './series.js';

/** A table for each chart: a row for each place on its x axis, a column for each subject. */
export function seriesTable(series: Series): string {
  return series.charts.map((chart) => chartTable(series, chart)).join('\n\n');
}

function chartTable({ subjects, samples }: Series, chart: Series['charts'][number]): string {
  const own = samples.filter((sample) => sample.chart === chart.id);
  const present = subjects.filter(({ id }) => own.some(({ subject }) => subject === id));
  const places = [...new Set(own.map(({ x }) => x))].toSorted((a, b) => a - b);
  const rows = places.map((place) => [
    formatted(place, 0),
    ...present.map(({ id }) =>
      cell(
        own.filter((one) => one.subject === id && one.x === place).map(({ y }) => y),
        chart.digits,
      ),
    ),
  ]);
  const head = [chart.x.label, ...present.map(({ title }) => title)];
  return `${chart.title}, ${chart.y.label}\n${columns([head, ...rows])}`;
}

function cell(values: readonly number[], digits: number): string {
  if (values.length === 0) return '-';
  const { median, min, max } = spreadOf(values);
  return `${formatted(median, digits)} (${formatted(min, digits)} to ${formatted(max, digits)})`;
}
