/**
 * What metrics, status page and `uvs top` show, read from the tables by the director: the data plane is asked for
 * nothing but what it alone knows. All who want it within a second share one.
 */
import { STATE_NAMES } from '../../dataplane/conn/states.js';
import { DROP_NAMES } from '../../dataplane/drops.js';
import { TOTAL_BLOCK } from '../../dataplane/service/statistics.js';
import type { State } from '../../dataplane/state.js';
import { ControlError, type Counters } from '../control/api.js';
import type {
  DestinationSnapshot,
  Measured,
  ServiceSnapshot,
  Snapshot,
} from '../control/snapshot.js';
import { packageVersion } from '../package.js';
import { destinationEntry, liveStatisticsOf, serviceEntry } from '../virtual-server/listings.js';
import { ConnectionCensus } from './connection-census.js';
import { Pace } from './pace.js';

/** A snapshot is handed out again for so long. */
const SHARED_MS = 1000;
/** A data plane that hasn't answered by then is left out. */
const COUNTERS_PATIENCE_MS = 300;
/** The first of DROP_NAMES is no reason. */
const FIRST_REASON = 1;

export interface ObserverOptions {
  /** The tables that are in use, null while there are none. */
  state: () => State | null;
  /** Asks the data plane. */
  counters: () => Promise<Counters | null>;
  dataPlane: () => Snapshot['dataPlane'];
  /** The clock of the tables, in ticks. */
  clock: () => number;
  nowMs?: () => number;
}

export class Observer {
  private readonly startedAtMs: number;
  private readonly nowMs: () => number;
  private latest: Promise<Snapshot> | null = null;
  private latestAtMs = 0;

  constructor(private readonly options: ObserverOptions) {
    this.nowMs = options.nowMs ?? Date.now;
    this.startedAtMs = this.nowMs();
  }

  /** The present state of things, at most a second old. Rejects where the tables aren't there yet. */
  snapshot(): Promise<Snapshot> {
    const now = this.nowMs();
    const isFresh = now >= this.latestAtMs && now - this.latestAtMs < SHARED_MS;
    if (this.latest !== null && isFresh) return this.latest;
    const snapshot = this.take();
    this.latest = snapshot;
    this.latestAtMs = now;
    snapshot.catch(() => {
      if (this.latest === snapshot) this.latest = null;
    });
    return snapshot;
  }

  private async take(): Promise<Snapshot> {
    const state = this.options.state();
    if (state === null) throw new ControlError('EIO', 'the data plane is not up yet');
    const counters = this.counters();
    const pace = new Pace();
    const census = await ConnectionCensus.take(state, this.options.clock(), pace);
    const services = await servicesOf(state, census, pace);
    const { used, templates, halfOpen } = census;
    const drops = DROP_NAMES.map((name, reason) => [name, state.drops.counts[reason]] as const);
    return {
      takenAtMs: this.nowMs(),
      director: {
        version: packageVersion(),
        node: process.version,
        startedAtMs: this.startedAtMs,
      },
      dataPlane: this.options.dataPlane(),
      total: liveStatisticsOf(state, TOTAL_BLOCK),
      services,
      connections: {
        used,
        capacity: state.capacity.connections,
        templates,
        halfOpen,
        states: census.statesOf(0),
      },
      measured: measuredIn(state),
      drops: Object.fromEntries(drops.slice(FIRST_REASON)),
      counters: await counters,
    };
  }

  /** Null where the data plane doesn't answer at once. */
  private async counters(): Promise<Counters | null> {
    if (!this.options.dataPlane().isServing) return null;
    let patience: NodeJS.Timeout | undefined;
    const silence = new Promise<null>((resolve) => {
      patience = setTimeout(() => resolve(null), COUNTERS_PATIENCE_MS);
    });
    const answer = this.options.counters().catch(() => null);
    const counters = await Promise.race([answer, silence]);
    clearTimeout(patience);
    return counters;
  }
}

function measuredIn({ meters }: State): Measured {
  const { bursts, timeInside, expiredTemplates } = meters;
  const expired = STATE_NAMES.map((name, tcpState) => [name, meters.expired(tcpState)] as const);
  return { bursts, timeInside, expired: Object.fromEntries(expired), expiredTemplates };
}

async function servicesOf(
  state: State,
  census: ConnectionCensus,
  pace: Pace,
): Promise<ServiceSnapshot[]> {
  const { services } = state;
  const entries: ServiceSnapshot[] = [];
  const breathe = (): Promise<void> => pace.breathe();
  const describe = (server: number): DestinationSnapshot => destinationOf(state, census, server);
  for (let s = 1; s <= services.highWater; s++) {
    if (!services.isLive(s)) continue;
    const entry = await serviceEntry(state, s, breathe, describe);
    const block = state.serviceBlock(s);
    entries.push({
      ...entry,
      statistics: liveStatisticsOf(state, block),
      scheduled: state.statistics.scheduled(block),
      notScheduled: state.statistics.notScheduled(block),
    });
    await breathe();
  }
  return entries;
}

function destinationOf(
  state: State,
  census: ConnectionCensus,
  destination: number,
): DestinationSnapshot {
  const { destinations, statistics } = state;
  // Not with a spread, which costs V8 several times as much, and those who read it, too.
  return Object.assign(destinationEntry(state, destination, liveStatisticsOf), {
    states: census.statesOf(destination),
    isOverloaded: destinations.isOverloaded(destination),
    unansweredSyns: statistics.unansweredSyns(state.destinationBlock(destination)),
    unansweredNow: census.unansweredOf(destination),
  });
}
