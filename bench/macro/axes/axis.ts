/** What is measured. */
import type { Histogram } from '../histogram.js';
import type { Peer } from '../peers/peer.js';
import type { Placement, Site } from '../site.js';

export interface Metric {
  /** Key in `Outcome.values`: "rate". */
  readonly key: string;
  /** "requests/s" */
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly digits: number;
}

/** What is moved, so that the director's processor time can be divided by it. */
export interface Work {
  /** "request" */
  readonly unit: string;
  /** In which the processor time for one is shown. */
  readonly timeUnit: 'µs' | 'ms';
}

export interface Outcome {
  readonly values: Readonly<Record<string, number>>;
  /** How much was moved; nothing where the axis has no work. */
  readonly work?: number;
  /** Worth keeping, not compared. */
  readonly details?: Readonly<Record<string, number>>;
  /** How often each time occurred, where pieces are put together. */
  readonly times?: Histogram;
}

export interface Conditions {
  /** Of this piece. */
  readonly seconds: number;
  readonly placement: Placement | null;
  /** Requests/s that this peer has reached in this run, 0 where that wasn't measured yet. */
  readonly requestsPerSecond: number;
}

export interface Axis {
  /** "bulk-down-1" */
  readonly id: string;
  readonly title: string;
  /** The first one is the main one, by which peers are ranked. */
  readonly metrics: readonly Metric[];
  /** Null where other traffic goes on meanwhile. */
  readonly work: Work | null;
  /** Part of --quick. */
  readonly quick: boolean;
  readonly commands: readonly string[];
  /** Seconds that a measurement takes besides the ones it is told to take, at a guess, until it is known better. */
  readonly extraSeconds: number;
  /** The director never shares the client's processor. */
  readonly apart?: boolean;
  /** What is measured once a round, in one piece or in several that alternate with the other peers'. */
  readonly pieces: Pieces | null;
  appliesTo(peer: Peer): boolean;
  /** One piece. */
  measure(site: Site, conditions: Conditions): Promise<Outcome>;
}

export interface Pieces {
  readonly count: number;
  /** Makes one outcome of a round's pieces. */
  merge(outcomes: readonly Outcome[]): Outcome;
}
