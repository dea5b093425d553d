/**
 * What a scrape says of services and servers, read from the tables: the numbers of all servers in one array, since ten
 * thousand objects a second are more work for the garbage collector than all the rest of a scrape.
 */
import * as counters from '../../../dataplane/service/statistics.js';
import type { State } from '../../../dataplane/state.js';
import type { Statistics } from '../../control/api.js';
import { eachDestination, liveStatisticsOf, serviceAlone } from '../../virtual-server/listings.js';
import type { ConnectionCensus } from '../connection-census.js';
import type { Pace } from '../pace.js';
import { serviceLabels, type LabelBook, type ServerLabels } from './labels.js';
import type { ServerFamily, ServerReading, ServiceReading } from './server-families.js';

export interface ReadService {
  labels: Uint8Array;
  about: ServiceReading;
}

export class Readings {
  readonly services: ReadService[] = [];
  /** Servers in the order of the services, each one's newest first. */
  readonly servers: { labels: ServerLabels; record: number }[] = [];
  private readonly values: Float64Array;

  private constructor(
    servers: number,
    private readonly families: readonly ServerFamily[],
  ) {
    this.values = new Float64Array(servers * families.length);
  }

  static async take(
    { state, census }: { state: State; census: ConnectionCensus },
    families: readonly ServerFamily[],
    book: LabelBook,
    pace: Pace,
  ): Promise<Readings> {
    const { services, destinations } = state;
    const readings = new Readings(destinations.highWater, families);
    const server = new ServerInTables(state, census);
    const labels = book.begin();
    const breathe = (): Promise<void> => pace.breathe();
    for (let s = 1; s <= services.highWater; s++) {
      if (!services.isLive(s)) continue;
      const before = readings.servers.length;
      const entry = serviceAlone(state, s);
      const labelsOf = labels(entry);
      await eachDestination(state, s, breathe, (d) => {
        server.record = d;
        readings.add(server, labelsOf(destinations.address(d), destinations.port(d)));
      });
      const block = state.serviceBlock(s);
      readings.services.push({
        labels: Buffer.from(serviceLabels(entry)),
        about: {
          ...entry,
          statistics: liveStatisticsOf(state, block),
          scheduled: state.statistics.scheduled(block),
          notScheduled: state.statistics.notScheduled(block),
          servers: readings.servers.length - before,
        },
      });
      await breathe();
    }
    return readings;
  }

  /** Of the families it was taken for, by their places; and of the servers. */
  value(family: number, server: number): number {
    return this.values[server * this.families.length + family];
  }

  private add(server: ServerInTables, labels: ServerLabels): void {
    const base = this.servers.length * this.families.length;
    // There is no room for one that was added meanwhile: it is in the next scrape.
    if (base === this.values.length) return;
    for (let f = 0; f < this.families.length; f++) {
      this.values[base + f] = this.families[f].value(server);
    }
    this.servers.push({ labels, record: server.record });
  }
}

/** One server after the other, as a record. */
class ServerInTables implements ServerReading {
  record = 0;
  readonly statistics: Statistics;

  constructor(
    private readonly state: State,
    private readonly census: ConnectionCensus,
  ) {
    this.statistics = new StatisticsInTables(state, this);
  }

  get weight(): number {
    return this.state.destinations.weight(this.record);
  }

  get activeConnections(): number {
    return this.state.destinations.activeConnections(this.record);
  }

  get inactiveConnections(): number {
    return this.state.destinations.inactiveConnections(this.record);
  }

  get persistentConnections(): number {
    return this.state.destinations.persistentConnections(this.record);
  }

  get isOverloaded(): boolean {
    return this.state.destinations.isOverloaded(this.record);
  }

  get unansweredSyns(): number {
    return this.state.statistics.unansweredSyns(this.state.destinationBlock(this.record));
  }

  get unansweredNow(): number {
    return this.census.unansweredOf(this.record);
  }
}

class StatisticsInTables implements Statistics {
  constructor(
    private readonly state: State,
    private readonly server: { record: number },
  ) {}

  get connections(): number {
    return this.live(counters.CONNECTIONS);
  }

  get inPackets(): number {
    return this.live(counters.IN_PACKETS);
  }

  get outPackets(): number {
    return this.live(counters.OUT_PACKETS);
  }

  get inBytes(): number {
    return this.live(counters.IN_BYTES);
  }

  get outBytes(): number {
    return this.live(counters.OUT_BYTES);
  }

  get connectionsPerSecond(): number {
    return this.rate(counters.CONNECTIONS);
  }

  get inPacketsPerSecond(): number {
    return this.rate(counters.IN_PACKETS);
  }

  get outPacketsPerSecond(): number {
    return this.rate(counters.OUT_PACKETS);
  }

  get inBytesPerSecond(): number {
    return this.rate(counters.IN_BYTES);
  }

  get outBytesPerSecond(): number {
    return this.rate(counters.OUT_BYTES);
  }

  private live(which: number): number {
    const { state, server } = this;
    return state.statistics.live(state.destinationBlock(server.record), which);
  }

  private rate(which: number): number {
    const { state, server } = this;
    return state.statistics.rate(state.destinationBlock(server.record), which);
  }
}
