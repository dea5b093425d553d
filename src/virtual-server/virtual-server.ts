/**
 * The virtual server: engine and tables as one thing that can be administered. A director runs one on real
 * interfaces, a replay runs one on recorded packets.
 */
import { ESTABLISHED, FIN_WAIT } from '../../dataplane/conn/states.js';
import { secondsToTicks, TIMEOUT_MAX_SECONDS } from '../../dataplane/clock.js';
import { Engine } from '../../dataplane/engine.js';
import type { Routes } from '../../dataplane/route/routes.js';
import { isSettingName, SETTING_NAMES, SETTINGS } from '../../dataplane/settings.js';
import {
  allocateMemory,
  DEFAULT_CAPACITY,
  heapMemory,
  State,
  type Allocate,
  type Capacity,
  type StateMemory,
} from '../../dataplane/state.js';
import {
  ControlError,
  type Change,
  type Control,
  type Counters,
  type DaemonSettings,
  type DestinationKey,
  type DestinationSettings,
  type ServiceKey,
  type ServiceSettings,
  type Timeouts,
} from '../control/api.js';
import type { Snapshot } from '../control/snapshot.js';
import type { TraceReport } from '../control/trace.js';
import { countersOf } from './counters.js';
import { EndpointBook } from './endpoint-book.js';
import type { Endpoints, WantedEndpoints } from './endpoints.js';
import { rehearse } from './rehearsal.js';
import { ServiceAdmin } from './service-admin.js';
import { TableReader } from './table-reader.js';

export interface VirtualServerOptions {
  /** Two random int32 that keep the connection table's buckets secret. */
  hashKey: readonly [number, number];
  /** The clock, in ticks of 10 ms. */
  clock: () => number;
  capacity?: Partial<Capacity>;
  /** Gives memory; the heap by default. */
  allocate?: Allocate;
  /** Where the tables live, perhaps with what an earlier one left in them; memory of its own by default. */
  memory?: StateMemory;
  /** Shown in listings instead of the real size, for replaying what another director has shown. */
  connectionTableSize?: number;
  /**
   * Called whenever services or servers have changed which packets are ours, with the endpoints that may have
   * come or gone.
   */
  onEndpointsChanged?: (touched: Endpoints | 'all') => void;
}

/**
 * How many records of each kind `rebuild` had to leave out, and how many counters and settings began anew: no
 * director can have written what was there.
 */
export type Damage = Record<keyof Capacity | 'counters' | 'settings', number>;

const DELETIONS: ReadonlySet<Change['change']> = new Set(['deleteService', 'deleteDestination']);

export class VirtualServer implements Control {
  readonly engine: Engine;
  readonly routes: Routes;
  readonly state: State;
  private readonly admin: ServiceAdmin;
  private readonly clock: () => number;
  private readonly reader: TableReader;
  private readonly endpoints: EndpointBook;
  private readonly onEndpointsChanged: (touched: Endpoints | 'all') => void;

  constructor(options: VirtualServerOptions) {
    const capacity = { ...DEFAULT_CAPACITY, ...options.capacity };
    this.clock = options.clock;
    const now = this.clock();
    const allocate = options.allocate ?? heapMemory;
    const memory = options.memory ?? allocateMemory(capacity, allocate);
    this.state = new State(capacity, memory, allocate, options.hashKey, now);
    this.engine = new Engine(this.state, now);
    this.routes = this.state.routes;
    this.endpoints = new EndpointBook(this.state);
    this.admin = new ServiceAdmin(this.state, this.engine.lifecycle, this.clock);
    this.reader = new TableReader({
      state: this.state,
      clock: this.clock,
      lookup: (key) => this.admin.lookup(key),
      ...(options.connectionTableSize === undefined
        ? {}
        : { connectionTableSize: options.connectionTableSize }),
    });
    this.onEndpointsChanged = options.onEndpointsChanged ?? (() => undefined);
  }

  /**
   * Builds all that follows from the records anew, as after a restart with the same memory. Damaged records are
   * left out, whatever is in them.
   */
  rebuild(): Damage {
    const { services, destinations, statistics, drops, meters } = this.state;
    const { keptSettings, trash, journal } = this.state;
    journal.undo();
    const damaged = {
      services: services.rebuild(),
      destinations: destinations.rebuild(),
      connections: this.engine.lifecycle.rebuild(),
      counters: statistics.rebuild() + drops.rebuild() + meters.rebuild(),
      settings: keptSettings.rebuild(),
    };
    // The counters' table may be a new one.
    statistics.reserve(this.state.serviceBlock(services.highWater));
    if (destinations.highWater > 0) {
      statistics.reserve(this.state.destinationBlock(destinations.highWater));
    }
    trash.rebuild(this.clock());
    this.admin.rebindSchedulers();
    this.endpoints.noteAll();
    this.endpointsChanged();
    return damaged;
  }

  /** Runs what is due. @returns true where more is due than the budget allowed. */
  advance(now: number, budget: number): boolean {
    const deleted = this.state.trash.entries.length;
    const more = this.engine.advance(now, budget);
    if (this.state.trash.entries.length !== deleted) {
      this.endpoints.noteAll();
      this.endpointsChanged();
    }
    return more;
  }

  /**
   * What interception has to hide from the kernel: packets to services and from their servers, also those of
   * deleted ones that still have connections.
   */
  get interceptedEndpoints(): WantedEndpoints {
    return this.endpoints;
  }

  /**
   * Carries out command `number`, greater than those before it: what `perform` changes about services and
   * servers holds as a whole or, should the process end on the way, not at all. Rejects as `perform` does; an
   * error that isn't a ControlError leaves a change half made, and only a restart undoes it.
   */
  async whole(number: number, perform: () => Promise<unknown>): Promise<void> {
    const { journal } = this.state;
    if (!journal.begin(number)) {
      throw new ControlError('ENOMEM', 'no memory to make the change safely');
    }
    try {
      await perform();
      journal.commit();
    } catch (error) {
      if (error instanceof ControlError) journal.abort();
      throw error;
    }
  }

  info = () => this.reader.info();
  services = () => this.reader.services();
  service = (key: ServiceKey) => this.reader.service(key);
  connections = () => this.reader.connections();
  timeouts = () => this.reader.timeouts();
  settings = () => this.reader.settings();

  async counters(): Promise<Counters> {
    return this.countersAlone();
  }

  /** Without what is outside: frames that wait for neighbours, and interfaces. */
  countersAlone(): Counters {
    return countersOf(this.state, this.engine);
  }

  async addService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    this.make([{ change: 'addService', key, settings }]);
  }

  async editService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    this.make([{ change: 'editService', key, settings }]);
  }

  async deleteService(key: ServiceKey): Promise<void> {
    this.make([{ change: 'deleteService', key }]);
  }

  async flush(): Promise<void> {
    this.endFlows();
    this.admin.flush();
    this.endpoints.noteAll();
    this.endpointsChanged();
  }

  async addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    this.make([{ change: 'addDestination', service, key, settings }]);
  }

  async editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    this.make([{ change: 'editDestination', service, key, settings }]);
  }

  async deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void> {
    this.make([{ change: 'deleteDestination', service, key }]);
  }

  async apply(changes: readonly Change[]): Promise<void> {
    rehearse(this.state, this.admin, changes);
    try {
      this.make(changes);
    } catch (error) {
      // The rehearsal refuses whatever can be refused: this is no refusal, whatever it looks like.
      throw new Error(`changes were made in part: ${(error as Error).message}`, { cause: error });
    }
  }

  async zero(key?: ServiceKey): Promise<void> {
    const { statistics, services } = this.state;
    this.engine.lifecycle.fastPath?.collectAll(this.clock());
    if (key !== undefined) {
      this.zeroService(this.admin.find(key));
      return;
    }
    for (let s = 1; s <= services.highWater; s++) if (services.isLive(s)) this.zeroService(s);
    statistics.zero(0);
  }

  async setTimeouts({ tcpSeconds, tcpFinSeconds, udpSeconds }: Timeouts): Promise<void> {
    const longest = Math.max(tcpSeconds, tcpFinSeconds, udpSeconds);
    if (longest > TIMEOUT_MAX_SECONDS) {
      const limit = `${TIMEOUT_MAX_SECONDS} seconds`;
      throw new ControlError('EINVAL', `a timeout is at most ${limit}, not ${longest}`);
    }
    const { timeouts } = this.state;
    if (tcpSeconds > 0) timeouts[ESTABLISHED] = secondsToTicks(tcpSeconds);
    if (tcpFinSeconds > 0) timeouts[FIN_WAIT] = secondsToTicks(tcpFinSeconds);
    if (udpSeconds > 0) this.state.keptSettings.udpTimeoutSeconds = udpSeconds;
  }

  daemons(): Promise<DaemonSettings[]> {
    return Promise.resolve([]);
  }

  async startDaemon(): Promise<void> {
    throw new ControlError('EOPNOTSUPP', 'The sync daemon is not supported by this director');
  }

  async stopDaemon(): Promise<void> {
    throw new ControlError('ESRCH', 'No daemon is running');
  }

  async snapshot(): Promise<Snapshot> {
    throw new ControlError('EOPNOTSUPP', 'There is no director to be seen');
  }

  async upgrade(): Promise<{ version: string }> {
    throw new ControlError('EOPNOTSUPP', 'There is no process to be replaced');
  }

  trace(): AsyncIterable<TraceReport[]> {
    throw new ControlError('EOPNOTSUPP', 'There are no packets to be traced');
  }

  async setSetting(name: string, value: number): Promise<void> {
    if (!isSettingName(name)) {
      throw new ControlError(
        'ENOENT',
        `unknown setting ${name}; there are ${SETTING_NAMES.join(', ')}`,
      );
    }
    this.engine.lifecycle.fastPath?.endOpenings(this.clock());
    if (!this.state.settings.set(name, value)) {
      const { min, max } = SETTINGS[name];
      throw new ControlError('EINVAL', `${name} must be a whole number from ${min} to ${max}`);
    }
    this.state.keptSettings.save(this.state.settings);
    this.engine.defence.update();
  }

  /** Makes changes in one go, between two bursts of packets. */
  private make(changes: readonly Change[]): void {
    const { trash } = this.state;
    this.engine.lifecycle.fastPath?.endOpenings(this.clock());
    if (changes.some(({ change }) => DELETIONS.has(change))) this.endFlows();
    try {
      for (const change of changes) {
        const deleted = trash.entries.length;
        const record = this.admin.make(change);
        if ('service' in change) this.endpoints.noteDestination(record);
        else this.endpoints.noteService(record);
        for (const d of trash.entries.slice(deleted)) this.endpoints.noteDestination(d);
      }
    } finally {
      this.endpointsChanged();
    }
  }

  /** Packets of servers that are about to go come to the engine again, which knows what becomes of them. */
  private endFlows(): void {
    this.engine.lifecycle.fastPath?.endAll(this.clock());
  }

  /** Whoever listens is told what may have come or gone, if anything has. */
  private endpointsChanged(): void {
    const touched = this.endpoints.takeTouched();
    if (touched !== null) this.onEndpointsChanged(touched);
  }

  private zeroService(service: number): void {
    const { statistics, services, destinations } = this.state;
    statistics.zero(this.state.serviceBlock(service));
    for (let d = services.first(service); d !== 0; d = destinations.next(d)) {
      statistics.zero(this.state.destinationBlock(d));
    }
  }
}
