/**
 * Who is ahead of whom, as far as the measurements can tell. Two that take turns at being first, or are so near to
 * each other that chance decides, are level: the order of their medians would be another one in the next run.
 */
import type { Metric } from './axes/axis.js';
import type { Sample } from './results.js';

/** Nearer than this is level, whatever the rounds say. */
const LEVEL_WITHIN = 0.03;
/** That a few rounds agree may be chance: then it must be by more than this. */
const FEW_ROUNDS = 4;
const LEVEL_WITHIN_IF_FEW = 0.2;
/** In so many of the rounds one must be ahead of the other. */
const ROUNDS_AHEAD = 5 / 6;

/** Places from 1 on: of one that is level with others the best and the worst it may have. */
export interface Rank {
  readonly best: number;
  readonly worst: number;
}

/** Ranks by a metric; one for each of `peers`, in their order. `samples` of one axis. */
export function ranks(
  samples: readonly Sample[],
  peers: readonly string[],
  metric: Metric,
): Rank[] {
  return peers.map((peer) => {
    const others = peers.filter((other) => other !== peer);
    const ahead = others.filter((other) => isAhead(samples, other, peer, metric)).length;
    const behind = others.filter((other) => isAhead(samples, peer, other, metric)).length;
    return { best: ahead + 1, worst: peers.length - behind };
  });
}

/** Whether `peer` is surely better than `other`: in nearly all rounds, and by enough. */
export function isAhead(
  samples: readonly Sample[],
  peer: string,
  other: string,
  { key, better }: Metric,
): boolean {
  const gains = samples
    .filter((sample) => sample.peer === peer)
    .flatMap(({ round, values }) => {
      const rival = samples.find((one) => one.peer === other && one.round === round);
      if (rival === undefined) return [];
      const ratio = Math.log(values[key] / rival.values[key]);
      return [better === 'more' ? ratio : -ratio];
    });
  if (gains.length === 0) return false;
  const won = gains.filter((gain) => gain > 0).length;
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const level = gains.length < FEW_ROUNDS ? LEVEL_WITHIN_IF_FEW : LEVEL_WITHIN;
  return won >= gains.length * ROUNDS_AHEAD && mean > Math.log(1 + level);
}
