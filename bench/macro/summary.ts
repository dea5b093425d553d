/** What a set of results says: medians, spread, and shares of what others reach. */
import type { Metric } from './axes/axis.js';
import { ranks, type Rank } from './ranking.js';
import type { AxisInfo, Results, Sample } from './results.js';
import { spreadOf, type Spread } from './statistics.js';

export interface Row {
  readonly peer: string;
  readonly title: string;
  /** By the keys of the axis' metrics. */
  readonly values: ReadonlyMap<string, Spread>;
  /** Of the first metric: round by round compared with that round's sample of the other peer. */
  readonly toLimit: Spread | null;
  readonly toRival: Spread | null;
  /** By the keys of the metrics of which less is better: how much more than the limit's in the same round. */
  readonly added: ReadonlyMap<string, Spread>;
  /** By the first metric. */
  readonly rank: Rank;
  /** Processor time of the director for one unit of the axis' work, in its time unit. */
  readonly cpuTime: Spread | null;
}

export interface AxisSummary {
  readonly axis: AxisInfo;
  readonly rows: readonly Row[];
}

export function summarize(results: Results, limit: string, rival: string): AxisSummary[] {
  const placements = results.settings.placement?.director.length ?? 1;
  return results.axes.map((axis) => {
    const spread = (values: number[]) => spreadOf(values, axis.apart === true ? 1 : placements);
    const spreadIfAny = (values: number[]) => (values.length === 0 ? null : spread(values));
    const samples = results.samples.filter((sample) => sample.axis === axis.id);
    const peers = results.peers.filter(({ id }) => of(samples, id).length > 0);
    const [main] = axis.metrics;
    const places = ranks(
      samples,
      peers.map(({ id }) => id),
      main,
    );
    const rows = peers.map((peer, index): Row => {
      const own = of(samples, peer.id);
      return {
        peer: peer.id,
        title: peer.title,
        rank: places[index],
        added: new Map(
          axis.metrics.flatMap((metric) => {
            const differences = addedTo(own, of(samples, limit), metric);
            return differences.length === 0 ? [] : [[metric.key, spread(differences)] as const];
          }),
        ),
        values: new Map(
          axis.metrics.flatMap(({ key }) => {
            const values = valuesOf(own, key);
            return values.length === 0 ? [] : [[key, spread(values)] as const];
          }),
        ),
        toLimit: spreadIfAny(ratios(own, of(samples, limit), main)),
        toRival: spreadIfAny(ratios(own, of(samples, rival), main)),
        cpuTime: spreadIfAny(cpuTimes(own, axis.work?.timeUnit === 'ms' ? 1 : 1000)),
      };
    });
    return { axis, rows };
  });
}

function of(samples: readonly Sample[], peer: string): Sample[] {
  return samples.filter((sample) => sample.peer === peer);
}

/** Older results don't have all metrics. */
function valuesOf(samples: readonly Sample[], key: string): number[] {
  return samples.flatMap((sample) => (sample.values[key] as number | undefined) ?? []);
}

/** How much more of what should be little; nothing for what should be much. */
function addedTo(
  own: readonly Sample[],
  others: readonly Sample[],
  { key, better }: Metric,
): number[] {
  if (better === 'more') return [];
  return own.flatMap((sample) => {
    const other = others.find(({ round }) => round === sample.round);
    return other === undefined ? [] : [sample.values[key] - other.values[key]];
  });
}

function ratios(own: readonly Sample[], others: readonly Sample[], { key }: Metric): number[] {
  return own.flatMap((sample) => {
    const other = others.find(({ round }) => round === sample.round);
    return other === undefined ? [] : [sample.values[key] / other.values[key]];
  });
}

function cpuTimes(samples: readonly Sample[], unitsPerMs: number): number[] {
  return samples.flatMap(({ cpu, work }) =>
    cpu === null || work === 0 ? [] : [((cpu.userMs + cpu.systemMs) * unitsPerMs) / work],
  );
}
