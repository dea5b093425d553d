/**
 * Takes the samples: all axes round by round, on each axis one peer after the other, and where an axis is measured
 * in pieces one piece of each by turns. Every other time the peers' order is turned round, so that none always
 * comes after the same one, and a machine that gets slower slows all of them.
 */
import { LabError, messageOf } from '../../lab/errors.js';
import type { Axis, Conditions, Outcome } from './axes/axis.js';
import { requests } from './axes/web.js';
import { Durations } from './durations.js';
import type { Plan } from './options.js';
import type { Progress } from './progress.js';
import type { Sample } from './results.js';
import type { Site } from './site.js';
import { spreadOf } from './statistics.js';
import { observedTogether, Watch, type Observed } from './watch.js';

/** Rounds may take longer than the ones before them. */
const CAUTION = 1.08;

interface Piece {
  readonly outcome: Outcome;
  readonly observed: Observed;
  /** What came of what went on beside it. */
  readonly beside: Readonly<Record<string, number>>;
}

export class Measurement {
  readonly samples: Sample[] = [];
  /** Rounds made so far. */
  rounds = 0;
  private readonly durations: Durations;
  /** Rounds after which the director has been everywhere it has to be. */
  private readonly lap: number;

  constructor(
    private readonly sites: readonly Site[],
    private readonly options: Plan,
    private readonly progress: Progress,
  ) {
    this.durations = new Durations(options.seconds);
    this.lap = options.placement?.director.length ?? 1;
  }

  /** `until`: where rounds aren't counted but limited by time, when the last must have ended (performance.now). */
  async run(until: number): Promise<void> {
    for (;;) {
      const planned = this.plannedRounds(until);
      if (this.rounds >= planned) break;
      await this.round(planned);
    }
    this.progress.clear();
  }

  /** Those made, and how many more there will be: whole laps, of which one at least. */
  private plannedRounds(until: number): number {
    if (this.options.minutes === null) return this.options.rounds;
    if (this.rounds % this.lap !== 0) return this.rounds + this.lap - (this.rounds % this.lap);
    const left = (until - performance.now()) / 1000;
    const lap = this.durations.round(this.options.axes, this.sites) * this.lap * CAUTION;
    const laps = Math.floor(left / lap);
    return this.rounds + Math.max(this.rounds === 0 ? 1 : 0, laps) * this.lap;
  }

  private async round(planned: number): Promise<void> {
    this.rounds += 1;
    const isTurned = Math.ceil(this.rounds / this.lap) % 2 === 0;
    const order = isTurned ? this.sites.toReversed() : this.sites;
    const { axes } = this.options;
    for (const [index, axis] of axes.entries()) {
      const sites = order.filter((site) => axis.appliesTo(site.peer));
      for (const site of sites) site.beginRound(this.rounds, this.options.placement, axis.apart);
      const rest = this.later(axes.slice(index + 1), planned);
      await this.axis(axis, sites, `round ${this.rounds} of ${planned} · ${axis.title}`, rest);
    }
  }

  /** Seconds for the axes that this round still has to come, and the rounds after it. */
  private later(axes: readonly Axis[], planned: number): number {
    const round = this.durations.round(this.options.axes, this.sites);
    return this.durations.round(axes, this.sites) + (planned - this.rounds) * round;
  }

  private async axis(axis: Axis, sites: readonly Site[], title: string, rest: number) {
    const count = axis.pieces?.count ?? 1;
    const pieces = new Map<Site, Piece[]>(sites.map((site) => [site, []]));
    for (let n = 0; n < count; n++) {
      for (const [index, site] of sites.entries()) {
        const now = sites.slice(index).map((other) => this.durations.expected(axis, other));
        const all = sites.map((other) => this.durations.expected(axis, other));
        const left = sum(now) + sum(all) * (count - n - 1) + rest;
        this.progress.show(`${title} · ${site.peer.title}`, left);
        pieces.get(site)?.push(await this.piece(axis, site));
      }
    }
    for (const [site, own] of pieces) this.samples.push(sampleOf(axis, site, this.rounds, own));
  }

  private async piece(axis: Axis, site: Site): Promise<Piece> {
    const { placement } = this.options;
    const seconds = this.durations.pieceSeconds(axis);
    const requestsPerSecond = this.requestsSoFar(site.peer.loadLike ?? site.peer.id);
    const begin = performance.now();
    await site.beside?.begin();
    const watch = new Watch(site);
    const outcome = await outcomeOf(axis, site, { seconds, placement, requestsPerSecond });
    const observed = watch.stop();
    const beside = (await site.beside?.end()) ?? {};
    site.checkAlive();
    this.durations.took(axis, site, (performance.now() - begin) / 1000);
    return { outcome, observed, beside };
  }

  private requestsSoFar(peer: string): number {
    const rates = this.samples
      .filter((sample) => sample.axis === requests.id && sample.peer === peer)
      .map((sample) => sample.values['rate']);
    return rates.length === 0 ? 0 : spreadOf(rates).median;
  }
}

/** Seconds that all rounds are expected to take, before there are sites and any was made. */
export function expectedSeconds({ axes, peers, rounds, seconds }: Plan): number {
  const sites = peers.map((peer) => ({ peer }));
  return new Durations(seconds).round(axes, sites) * rounds;
}

function sampleOf(axis: Axis, site: Site, round: number, pieces: readonly Piece[]): Sample {
  const outcomes = pieces.map(({ outcome }) => outcome);
  const outcome = axis.pieces?.merge(outcomes) ?? outcomes[0];
  return {
    axis: axis.id,
    peer: site.peer.id,
    round,
    values: outcome.values,
    details: { ...outcome.details, ...addedUp(pieces.map(({ beside }) => beside)) },
    work: outcome.work ?? 0,
    ...observedTogether(pieces.map(({ observed }) => observed)),
  };
}

function addedUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [key, count] of counts.flatMap((own) => Object.entries(own))) {
    total[key] = (total[key] ?? 0) + count;
  }
  return total;
}

async function outcomeOf(axis: Axis, site: Site, conditions: Conditions): Promise<Outcome> {
  try {
    return await axis.measure(site, conditions);
  } catch (error) {
    throw new LabError(`${axis.title}, ${site.peer.title}: ${messageOf(error)}`);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
