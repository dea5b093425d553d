/** What the project wants to reach, and what a run says about it. */
import { columns, formatted } from '../columns.js';
import { LIMIT } from '../macro/peers/index.js';
import type { PeerInfo, Results } from '../macro/results.js';
import type { Spread } from '../macro/statistics.js';
import { summarize } from '../macro/summary.js';

interface Goal {
  /** Beginnings of the axes' ids. */
  readonly axes: string;
  readonly rival: string;
  /** This share at least of what the rival reaches. */
  readonly atLeast: number;
}

const GOALS: readonly Goal[] = [
  { axes: 'requests', rival: 'nftables', atLeast: 1 },
  { axes: 'connections', rival: 'nftables', atLeast: 1 },
  { axes: 'bulk', rival: 'nftables', atLeast: 0.8 },
  ...['haproxy', 'nginx'].flatMap((rival) =>
    ['requests', 'connections', 'bulk'].map((axes) => ({ axes, rival, atLeast: 1 })),
  ),
  { axes: 'requests', rival: 'ip_vs', atLeast: 0.8 },
  { axes: 'connections', rival: 'ip_vs', atLeast: 1 },
  { axes: 'bulk', rival: 'ip_vs', atLeast: 0.8 },
];

/** Added to plain routing's p99 while nothing else goes on. */
const ADDED_P99_MAX_US = 100;
const LATENCY = { axis: 'latency-light', key: 'p99' };

export interface Verdict {
  readonly goal: string;
  /** "0.59, no"; one for each way to run uvs. */
  readonly reached: readonly string[];
}

/** One verdict for each goal and axis that was measured. */
export function verdicts(results: Results): Verdict[] {
  const own = results.peers.filter(({ id }) => id.startsWith('uvs-'));
  const shares = GOALS.flatMap(({ axes, rival, atLeast }): Verdict[] => {
    const other = results.peers.find(({ id }) => id === rival);
    if (other === undefined) return [];
    return axesLike(results, axes).map(({ id, title }) => ({
      goal: `${title}: at least ${formatted(atLeast, 1)} of ${other.title}`,
      reached: own.map((peer) => shareText(results, id, peer, other, atLeast)),
    }));
  });
  const latency = axesLike(results, LATENCY.axis).map(() => ({
    goal: `p99 added at light load: under ${ADDED_P99_MAX_US} µs`,
    reached: own.map((peer) => addedText(results, peer)),
  }));
  return [...shares, ...latency].filter(({ reached }) => reached.some((text) => text !== NOTHING));
}

/** As text; '' where no goal can be judged. */
export function goalsTable(results: Results): string {
  const rows = verdicts(results);
  if (rows.length === 0) return '';
  const own = results.peers.filter(({ id }) => id.startsWith('uvs-'));
  const head = ['', ...own.map(({ title }) => title)];
  const cells = rows.map(({ goal, reached }) => [goal, ...reached]);
  return `what was to be reached, and was\n${columns([head, ...cells])}`;
}

const NOTHING = '-';

function shareText(
  results: Results,
  axis: string,
  { id }: PeerInfo,
  rival: PeerInfo,
  atLeast: number,
): string {
  const row = rowsOf(results, axis, rival.id).find(({ peer }) => peer === id);
  return verdict(row?.toRival, 2, ({ median }) => median >= atLeast);
}

function addedText(results: Results, { id }: PeerInfo): string {
  const row = rowsOf(results, LATENCY.axis, '').find(({ peer }) => peer === id);
  return verdict(row?.added.get(LATENCY.key), 0, ({ median }) => median < ADDED_P99_MAX_US);
}

function verdict(
  spread: Spread | null | undefined,
  digits: number,
  isReached: (spread: Spread) => boolean,
): string {
  if (spread === null || spread === undefined) return NOTHING;
  return `${formatted(spread.median, digits)} ${isReached(spread) ? 'yes' : ' no'}`;
}

function rowsOf(results: Results, axis: string, rival: string) {
  return summarize(results, LIMIT, rival).find((one) => one.axis.id === axis)?.rows ?? [];
}

function axesLike({ axes }: Results, beginning: string) {
  return axes.filter(({ id }) => id === beginning || id.startsWith(`${beginning}-`));
}
