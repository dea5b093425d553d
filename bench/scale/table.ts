/** Results as text: a table for each metric, with the peers below one another and the sizes side by side. */
import { columns, formatted } from '../columns.js';
import { spreadOf } from '../macro/statistics.js';
import { METRICS, type MetricKey, type ScaleResults } from './results.js';

export function scaleTable(results: ScaleResults): string {
  const { machine, settings } = results;
  const head = [
    `${machine.processors} x ${machine.processor}, Linux ${machine.kernel}, Node ${machine.node}`,
    `${settings.rounds} rounds of ${settings.seconds} s; medians, ± half of the way from the least to the greatest`,
  ];
  const keys = Object.keys(METRICS) as MetricKey[];
  return [...head, ...keys.flatMap((key) => metricTable(results, key))].join('\n');
}

function metricTable(results: ScaleResults, key: MetricKey): string[] {
  const { title, unit, digits } = METRICS[key];
  const samples = results.samples.filter((sample) => sample.metric === key);
  const sizes = results.settings.sizes.filter((size) => samples.some((one) => one.size === size));
  const peers = results.peers.filter(({ id }) => samples.some((one) => one.peer === id));
  if (samples.length === 0) return [];
  const rows = peers.map((peer) => [
    peer.title,
    ...sizes.flatMap((size) => {
      const own = samples.filter((one) => one.peer === peer.id && one.size === size);
      return valueAndSpread(
        own.map(({ value }) => value),
        digits,
      );
    }),
  ]);
  const header = ['', ...sizes.flatMap((size) => [formatted(size, 0), ''])];
  return [`\n${title}, ${unit}`, columns([header, ...rows])];
}

function valueAndSpread(values: readonly number[], digits: number): string[] {
  if (values.length === 0) return ['-', ''];
  const { median, min, max } = spreadOf(values);
  const percent = median === 0 ? 0 : ((max - min) / 2 / Math.abs(median)) * 100;
  return [formatted(median, digits), values.length === 1 ? '' : `±${percent.toFixed(0)} %`];
}
