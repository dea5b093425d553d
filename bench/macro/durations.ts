/** How long measurements take: at first what they are told to take and a guess, then what they have taken. */
import type { Axis } from './axes/axis.js';
import type { Peer } from './peers/peer.js';

/** A Site, or one that is still to be made. */
interface Place {
  readonly peer: Peer;
}

export class Durations {
  private readonly taken = new Map<string, { seconds: number; times: number }>();

  /** @param seconds that a measurement is told to take */
  constructor(private readonly seconds: number) {}

  /** Seconds that one piece of a measurement is told to take. */
  pieceSeconds(axis: Axis): number {
    return this.seconds / (axis.pieces?.count ?? 1);
  }

  /** Seconds that one piece is expected to take in all. */
  expected(axis: Axis, site: Place): number {
    const taken = this.taken.get(key(axis, site));
    if (taken === undefined) return this.pieceSeconds(axis) + axis.extraSeconds;
    return taken.seconds / taken.times;
  }

  /** One piece has taken so long. */
  took(axis: Axis, site: Place, seconds: number): void {
    const taken = this.taken.get(key(axis, site)) ?? { seconds: 0, times: 0 };
    this.taken.set(key(axis, site), { seconds: taken.seconds + seconds, times: taken.times + 1 });
  }

  /** Seconds that a round is expected to take. */
  round(axes: readonly Axis[], sites: readonly Place[]): number {
    const pieces = axes.flatMap((axis) =>
      sites
        .filter((site) => axis.appliesTo(site.peer))
        .map((site) => this.expected(axis, site) * (axis.pieces?.count ?? 1)),
    );
    return pieces.reduce((sum, seconds) => sum + seconds, 0);
  }
}

function key(axis: Axis, site: Place): string {
  return `${axis.id} ${site.peer.id}`;
}
