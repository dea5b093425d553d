/** Who takes processor time while something is measured. */
import { cpuTime, hostTime, ownUserMs, type CpuTime, type HostTime } from './processes.js';
import type { Sample, Shares } from './results.js';
import type { Site } from './site.js';

export type Observed = Pick<Sample, 'cpu' | 'others'> & { readonly shares: Shares };

/** From its making until `stop`. */
export class Watch {
  private readonly begin = performance.now();
  private readonly director: CpuTime;
  private readonly foreignMs: number;
  private readonly host = hostTime();

  constructor(private readonly site: Site) {
    this.director = cpuTime(site.directorPids);
    this.foreignMs = this.foreignTimeMs();
  }

  stop(): Observed {
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

/** Of pieces of equal length. */
export function observedTogether(pieces: readonly Observed[]): Observed {
  const sum = (of: (piece: Observed) => number) =>
    pieces.reduce((total, piece) => total + of(piece), 0);
  const mean = (of: (piece: Observed) => number) => sum(of) / pieces.length;
  const hasDirector = pieces.every(({ cpu }) => cpu !== null);
  return {
    cpu: hasDirector
      ? {
          userMs: sum(({ cpu }) => cpu?.userMs ?? 0),
          systemMs: sum(({ cpu }) => cpu?.systemMs ?? 0),
        }
      : null,
    others: mean(({ others }) => others),
    shares: {
      user: mean(({ shares }) => shares.user),
      system: mean(({ shares }) => shares.system),
      interrupt: mean(({ shares }) => shares.interrupt),
      idle: mean(({ shares }) => shares.idle),
    },
  };
}
