/** Takes the samples: all axes round by round, on each axis one peer after the other. */
import { LabError, messageOf } from '../../lab/errors.js';
import type { Axis, Conditions, Outcome } from './axes/axis.js';
import { requests } from './axes/web.js';
import type { Options } from './options.js';
import { cpuTime, hostTime, ownUserMs, type HostTime } from './processes.js';
import type { Progress } from './progress.js';
import type { Sample, Shares } from './results.js';
import type { Site } from './site.js';
import { spreadOf } from './statistics.js';

/** Seconds that all measurements are expected to take. */
export function expectedSeconds(sites: readonly Site[], options: Options): number {
  const round = options.axes.map((axis) => {
    const peers = sites.filter((site) => axis.appliesTo(site.peer)).length;
    return peers * (options.seconds + axis.extraSeconds);
  });
  return round.reduce((sum, seconds) => sum + seconds, 0) * options.rounds;
}

export async function measureAll(
  sites: readonly Site[],
  options: Options,
  progress: Progress,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  let left = expectedSeconds(sites, options);
  for (let round = 1; round <= options.rounds; round++) {
    for (const site of sites) site.beginRound(round, options.placement);
    for (const axis of options.axes) {
      for (const site of sites) {
        if (!axis.appliesTo(site.peer)) continue;
        const what = `round ${round} of ${options.rounds} · ${axis.title} · ${site.peer.title}`;
        progress.show(what, left);
        samples.push(await measure(samples, site, axis, round, options));
        left -= options.seconds + axis.extraSeconds;
      }
    }
  }
  progress.clear();
  return samples;
}

async function measure(
  samples: readonly Sample[],
  site: Site,
  axis: Axis,
  round: number,
  options: Options,
): Promise<Sample> {
  const { seconds, placement } = options;
  const requestsPerSecond = requestsSoFar(samples, site.peer.id);
  const watch = new Watch(site);
  const outcome = await outcomeOf(axis, site, { seconds, placement, requestsPerSecond });
  const observed = watch.stop();
  site.checkAlive();
  return {
    axis: axis.id,
    peer: site.peer.id,
    round,
    values: outcome.values,
    details: outcome.details ?? {},
    work: outcome.work ?? 0,
    ...observed,
  };
}

async function outcomeOf(axis: Axis, site: Site, conditions: Conditions): Promise<Outcome> {
  try {
    return await axis.measure(site, conditions);
  } catch (error) {
    throw new LabError(`${axis.title}, ${site.peer.title}: ${messageOf(error)}`);
  }
}

function requestsSoFar(samples: readonly Sample[], peer: string): number {
  const rates = samples
    .filter((sample) => sample.axis === requests.id && sample.peer === peer)
    .map((sample) => sample.values['rate']);
  return rates.length === 0 ? 0 : spreadOf(rates).median;
}

/** Who takes processor time during a measurement. */
class Watch {
  private readonly begin = performance.now();
  private readonly director: ReturnType<typeof cpuTime>;
  private readonly foreignMs: number;
  private readonly host = hostTime();

  constructor(private readonly site: Site) {
    this.director = cpuTime(site.directorPids);
    this.foreignMs = this.foreignTimeMs();
  }

  stop(): Pick<Sample, 'cpu' | 'others' | 'shares'> {
    const after = cpuTime(this.site.directorPids);
    const cpu = {
      userMs: after.userMs - this.director.userMs,
      systemMs: after.systemMs - this.director.systemMs,
    };
    const elapsedMs = performance.now() - this.begin;
    const foreign = (this.foreignTimeMs() - this.foreignMs) / elapsedMs / this.site.processors;
    return {
      cpu: this.site.directorPids.length === 0 ? null : cpu,
      others: Math.max(0, foreign),
      shares: this.shares(),
    };
  }

  private shares(): Shares {
    const after = hostTime();
    const spent = (key: keyof HostTime) => after[key] - this.host[key];
    const keys = Object.keys(after) as (keyof HostTime)[];
    const total = keys.reduce((sum, key) => sum + spent(key), 0);
    const share = (key: keyof HostTime) => (total === 0 ? 0 : spent(key) / total);
    return {
      user: share('userMs'),
      system: share('systemMs'),
      interrupt: share('interruptMs'),
      idle: share('idleMs'),
    };
  }

  /** User time of programs that aren't ours, and what other virtual machines took, since some moment. */
  private foreignTimeMs(): number {
    const { userMs, stealMs } = hostTime();
    return userMs + stealMs - ownUserMs() - cpuTime(this.site.pids).userMs;
  }
}
