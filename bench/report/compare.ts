/** Whether two runs say the same: rankings, and ratios to plain routing. */
import { columns, formatted } from '../columns.js';
import { LIMIT } from '../macro/peers/index.js';
import { isAhead } from '../macro/ranking.js';
import type { Results } from '../macro/results.js';
import { summarize } from '../macro/summary.js';

/** Ratios of two runs are expected to differ by less. */
export const RATIO_TOLERANCE = 0.15;

export interface RatioChange {
  readonly axis: string;
  readonly peer: string;
  readonly first: number;
  readonly second: number;
  /** The second one compared with the first, less 1. */
  readonly change: number;
}

export interface Comparison {
  readonly ratios: readonly RatioChange[];
  /** Pairs that one run ranks in one order and the other run in the other: "requests: HAProxy, nginx". */
  readonly contradictions: readonly string[];
}

/** What both runs have measured. */
export function compare(first: Results, second: Results): Comparison {
  const later = summarize(second, LIMIT, '');
  const ratios = summarize(first, LIMIT, '').flatMap(({ axis, rows }) => {
    const others = later.find((one) => one.axis.id === axis.id)?.rows ?? [];
    return rows.flatMap((row): RatioChange[] => {
      const other = others.find(({ peer }) => peer === row.peer);
      if (row.peer === LIMIT || !row.toLimit || !other?.toLimit) return [];
      const change = other.toLimit.median / row.toLimit.median - 1;
      const { median: before } = row.toLimit;
      return [
        { axis: axis.id, peer: row.title, first: before, second: other.toLimit.median, change },
      ];
    });
  });
  return { ratios, contradictions: contradictions(first, second) };
}

function contradictions(first: Results, second: Results): string[] {
  return first.axes.flatMap(({ id, metrics: [main] }) => {
    const ahead = (results: Results, a: string, b: string) =>
      isAhead(
        results.samples.filter(({ axis }) => axis === id),
        a,
        b,
        main,
      );
    return first.peers.flatMap((a) =>
      first.peers
        .filter((b) => ahead(first, a.id, b.id) && ahead(second, b.id, a.id))
        .map((b) => `${id}: ${a.title}, ${b.title}`),
    );
  });
}

export function comparisonText({ ratios, contradictions: pairs }: Comparison): string {
  const rows = ratios.map(({ axis, peer, first, second, change }) => [
    `${axis}, ${peer}`,
    formatted(first, 3),
    formatted(second, 3),
    `${change < 0 ? '' : '+'}${formatted(change * 100, 1)} %`,
    Math.abs(change) > RATIO_TOLERANCE ? '!' : '',
  ]);
  const beyond = ratios.filter(({ change }) => Math.abs(change) > RATIO_TOLERANCE).length;
  const largest = Math.max(0, ...ratios.map(({ change }) => Math.abs(change)));
  const tolerance = formatted(RATIO_TOLERANCE * 100, 0);
  return [
    'Ratios to plain routing',
    columns([['', 'first', 'second', 'change', ''], ...rows]),
    '',
    `${beyond} of ${ratios.length} differ by more than ${tolerance} %; the largest difference is ${formatted(largest * 100, 1)} %.`,
    pairs.length === 0
      ? 'No pair is ranked in opposite orders.'
      : `Ranked in opposite orders: ${pairs.join('; ')}.`,
    '',
  ].join('\n');
}
