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

/** What there is to be said of the director as a whole, and what the rest of a snapshot is made of. */
export interface Overview {
  state: State;
  census: ConnectionCensus;
  figures: Omit<Snapshot, 'services'>;
}

export class Observer {
  private readonly startedAtMs: number;
  private readonly nowMs: () => number;
  private latest: Promise<Overview> | null = null;
  private latestAtMs = 0;
  private completed: { overview: Promise<Overview>; snapshot: Promise<Snapshot> } | null = null;

  constructor(private readonly options: ObserverOptions) {
    this.nowMs = options.nowMs ?? Date.now;
    this.startedAtMs = this.nowMs();
  }

  /** The present state of things, at most a second old. Rejects where the tables aren't there yet. */
  snapshot(): Promise<Snapshot> {
    const overview = this.overview();
    if (this.completed?.overview !== overview) {
      this.completed = { overview, snapshot: complete(overview) };
    }
    return this.completed.snapshot;
  }

  /** The same without services and servers. */
  overview(): Promise<Overview> {
    const now = this.nowMs();
    const isFresh = now >= this.latestAtMs && now - this.latestAtMs < SHARED_MS;
    if (this.latest !== null && isFresh) return this.latest;
    const overview = this.take();
    this.latest = overview;
    this.latestAtMs = now;
    overview.catch(() => {
      if (this.latest === overview) this.latest = null;
    });
    return overview;
  }

  private async take(): Promise<Overview> {
    const state = this.options.state();
    if (state === null) throw new ControlError('EIO', 'the data plane is not up yet');
    const counters = this.counters();
    const census = await ConnectionCensus.take(state, this.options.clock(), new Pace());
    const { used, templates, halfOpen } = census;
    const drops = DROP_NAMES.map((name, reason) => [name, state.drops.counts[reason]] as const);
    const figures = {
      takenAtMs: this.nowMs(),
      director: {
        version: packageVersion(),
        node: process.version,
        startedAtMs: this.startedAtMs,
      },
      dataPlane: this.options.dataPlane(),
      total: liveStatisticsOf(state, TOTAL_BLOCK),
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
    return { state, census, figures };
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

async function complete(overview: Promise<Overview>): Promise<Snapshot> {
  const { state, census, figures } = await overview;
  return { ...figures, services: await servicesOf(state, census) };
}

async function servicesOf(state: State, census: ConnectionCensus): Promise<ServiceSnapshot[]> {
  const { services } = state;
  const pace = new Pace();
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
