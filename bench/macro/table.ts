/** Results as text, at most 110 columns wide. */
import { columns, formatted } from '../columns.js';
import type { Metric } from './axes/axis.js';
import { LIMIT, RIVALS } from './peers/index.js';
import type { Rank } from './ranking.js';
import type { PeerInfo, Results } from './results.js';
import type { Spread } from './statistics.js';
import { summarize, type AxisSummary, type Row } from './summary.js';

type Cells = readonly string[];

/** Of the percentiles of latency, the one by which goals are set. */
const ADDED_KEY = 'p99';

export function resultsTable(results: Results): string {
  const rival = rivalAmong(results.peers);
  const limit = limitAmong(results.peers);
  const summaries = summarize(results, limit?.id ?? '', rival?.id ?? '');
  const { machine, settings } = results;
  const head = [
    `${machine.processors} x ${machine.processor}, Linux ${machine.kernel}, Node ${machine.node}`,
    `${settings.rounds} rounds of ${settings.seconds} s; medians (smallest to largest)`,
    othersLine(results.samples.map(({ others }) => others)),
  ];
  return [
    ...head,
    ...summaries.map((summary) => axisTable(summary, limit, rival)),
    memoryTable(results),
  ].join('\n');
}

/** Beyond this, what other programs do to a round can be more than what peers differ by. */
const QUIET_MAX = 0.1;

function othersLine(others: readonly number[]): string {
  if (others.length === 0) return '';
  const mean = others.reduce((sum, share) => sum + share, 0) / others.length;
  const line = `other programs had ${formatted(mean * 100, 0)} % of the machine meanwhile`;
  return mean > QUIET_MAX
    ? `${line}: it was not quiet, only large differences mean something`
    : line;
}

/** Without plain routing the first one is what all are compared with. */
function limitAmong(peers: readonly PeerInfo[]): PeerInfo | undefined {
  return peers.find(({ id }) => id === LIMIT) ?? peers[0];
}

function rivalAmong(peers: readonly PeerInfo[]): PeerInfo | undefined {
  return RIVALS.flatMap((id) => peers.find((peer) => peer.id === id) ?? [])[0];
}

function axisTable(
  { axis, rows }: AxisSummary,
  limit: PeerInfo | undefined,
  rival: PeerInfo | undefined,
): string {
  const [main, ...others] = axis.metrics;
  const units = others.map((metric) => metric.unit);
  const cpu = axis.work === null ? [] : [`${axis.work.timeUnit} CPU/${axis.work.unit}`];
  // Of latencies, how much is added says more than how many times as long they are.
  const isLatency = main.better === 'less';
  const toRival = rival === undefined || isLatency ? [] : [`of ${rival.title}`];
  const added = isLatency ? [ADDED_KEY] : [];
  const compared = [
    'rank',
    `of ${limit?.id === LIMIT ? LIMIT : limit?.title}`,
    ...toRival,
    ...added.map((key) => `${key} added`),
  ];
  const header = ['', main.unit, '', ...units, ...compared, ...cpu];
  const lines = rows.map((row) => [
    row.title,
    ...valueAndRange(row, main),
    ...others.map((metric) => formatted(row.values.get(metric.key)?.median, metric.digits)),
    rankText(row.rank),
    formatted(row.toLimit?.median, 2),
    ...toRival.map(() => formatted(row.toRival?.median, 2)),
    ...added.map((key) => formatted(row.added.get(key)?.median, 0)),
    ...(axis.work === null ? [] : [row.cpuTime === null ? '' : formatted(row.cpuTime.median, 1)]),
  ]);
  return `\n${axis.title}\n${columns([header, ...lines])}`;
}

/** "3", or "3-4" where some are level. */
function rankText({ best, worst }: Rank): string {
  return best === worst ? String(best) : `${best}-${worst}`;
}

function memoryTable(results: Results): string {
  const lines = results.peers.flatMap(({ title, memory }): Cells[] =>
    memory === null
      ? []
      : [
          [
            title,
            ...[memory.start.residentMb, memory.end.residentMb, memory.end.residentPeakMb].map(
              (mb) => formatted(mb, 0),
            ),
          ],
        ],
  );
  if (lines.length === 0) return '';
  return `\nmemory of the director's processes\n${columns([['', 'MB before', 'MB after', 'MB at most'], ...lines])}`;
}

function valueAndRange(row: Row, { key, digits }: Metric): Cells {
  const spread = row.values.get(key);
  return [formatted(spread?.median, digits), range(spread, digits)];
}

function range(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return '';
  return `(${formatted(spread.min, digits)} to ${formatted(spread.max, digits)})`;
}
