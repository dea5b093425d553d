/**
 * What can be asked about tables, by whoever has them in memory: the virtual server itself, and a director whose
 * data plane is another process and which only looks at them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TICKS_PER_SECOND } from '../../dataplane/clock.js';
import { ESTABLISHED, FIN_WAIT } from '../../dataplane/conn/states.js';
import { SETTING_NAMES } from '../../dataplane/settings.js';
import type { State } from '../../dataplane/state.js';
import {
  ControlError,
  type ConnectionEntry,
  type Control,
  type Info,
  type ServiceEntry,
  type ServiceKey,
  type Timeouts,
} from '../control/api.js';
import { ipv4FromText } from '../control/ipv4.js';
import { connectionEntry, destinationEntry, serviceEntry } from './listings.js';

/** The version of ip_vs whose behaviour this is, as listings show it. */
const IPVS_VERSION = '1.2.1';
const TCP = 6;
/** Connections in one batch of a listing; other work goes on between two batches. */
const BATCH = 1000;
/** Services that are listed between two turns of the event loop; of many servers each has turns of its own. */
const SERVICES_PER_TURN = 100;
/** Records looked at before a listing lets other work go on, however few of them are in use. */
const SCAN_MAX = 20_000;

export type TableQuestions = Pick<
  Control,
  'info' | 'services' | 'service' | 'connections' | 'timeouts' | 'settings'
>;

export interface TableReaderOptions {
  state: State;
  /** The clock of the tables, in ticks. */
  clock: () => number;
  /** The number of a service, 0 where there is none; by default all of them are looked at. */
  lookup?: (key: ServiceKey) => number;
  /** Shown in listings instead of the real size. */
  connectionTableSize?: number;
}

export class TableReader implements TableQuestions {
  private readonly state: State;
  private readonly clock: () => number;
  private readonly lookup: (key: ServiceKey) => number;
  private readonly connectionTableSize: number;

  constructor({ state, clock, lookup, connectionTableSize }: TableReaderOptions) {
    this.state = state;
    this.clock = clock;
    this.lookup = lookup ?? ((key) => this.search(key));
    this.connectionTableSize = connectionTableSize ?? state.connections.size;
  }

  async info(): Promise<Info> {
    return { version: IPVS_VERSION, connectionTableSize: this.connectionTableSize };
  }

  async services(): Promise<ServiceEntry[]> {
    const { services } = this.state;
    const entries: ServiceEntry[] = [];
    for (let s = 1; s <= services.highWater; s++) {
      if (!services.isLive(s)) continue;
      entries.push(await this.entry(s));
      if (entries.length % SERVICES_PER_TURN === 0) await nextTurn();
    }
    return entries;
  }

  async service(key: ServiceKey): Promise<ServiceEntry> {
    const service = this.lookup(key);
    if (service === 0) throw new ControlError('ESRCH', 'No such service');
    return this.entry(service);
  }

  async *connections(): AsyncGenerator<ConnectionEntry[]> {
    const { connections } = this.state;
    let batch: ConnectionEntry[] = [];
    let scanned = 0;
    for (let c = 1; c <= connections.highWater; c++) {
      if (connections.isLive(c)) batch.push(connectionEntry(this.state, c, this.clock()));
      if (batch.length === BATCH || ++scanned === SCAN_MAX) {
        yield batch;
        batch = [];
        scanned = 0;
      }
    }
    if (batch.length > 0) yield batch;
  }

  async timeouts(): Promise<Timeouts> {
    const { timeouts, keptSettings } = this.state;
    return {
      tcpSeconds: timeouts[ESTABLISHED] / TICKS_PER_SECOND,
      tcpFinSeconds: timeouts[FIN_WAIT] / TICKS_PER_SECOND,
      udpSeconds: keptSettings.udpTimeoutSeconds,
    };
  }

  async settings(): Promise<Record<string, number>> {
    const { settings } = this.state;
    return Object.fromEntries(SETTING_NAMES.map((name) => [name, settings.get(name)]));
  }

  private entry(service: number): Promise<ServiceEntry> {
    return serviceEntry(this.state, service, nextTurn, (d) => destinationEntry(this.state, d));
  }

  private search(key: ServiceKey): number {
    const { services } = this.state;
    const address = ipv4FromText(key.address);
    if (key.family !== 'inet' || key.protocol !== 'tcp' || key.fwmark !== 0) return 0;
    for (let s = 1; s <= services.highWater; s++) {
      const isMeant = services.address(s) === address && services.port(s) === key.port;
      if (isMeant && services.protocol(s) === TCP && services.isLive(s)) return s;
    }
    return 0;
  }
}
