/**
 * The virtual server of another process: questions are answered from its tables, changes are sent to it one at a
 * time. A worker that ends in the middle of a change has either made it or not; the tables tell, and what wasn't
 * made is sent to its successor.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { State } from '../../dataplane/state.js';
import { tableMemory } from '../../dataplane/sys/memory.js';
import {
  ControlError,
  type Change,
  type ConnectionEntry,
  type Control,
  type DaemonSettings,
  type DestinationKey,
  type DestinationSettings,
  type ServiceKey,
  type ServiceSettings,
  type Timeouts,
} from '../control/api.js';
import type { MethodName, Params } from '../control/schemas.js';
import type { Snapshot } from '../control/snapshot.js';
import type { TraceRequest } from '../control/trace.js';
import { TableReader } from '../virtual-server/table-reader.js';
import type { Tables } from '../virtual-server/tables.js';
import { WorkerEndedError, type Supervision } from './supervision.js';
import { tracePackets } from './tracing.js';

/** A change that a worker ends of is sent to the next one, so often at most. */
const ATTEMPTS_MAX = 3;

export interface RemoteOptions {
  supervision: Pick<Supervision, 'ask' | 'change' | 'openWorker'>;
  /** The clock of the tables, in ticks. */
  clock: () => number;
  /** A change was made. */
  onChanged: () => void;
}

export class RemoteVirtualServer implements Control {
  private readonly supervision: RemoteOptions['supervision'];
  private readonly clock: () => number;
  private readonly onChanged: () => void;
  /** The tables that are in use, null while there are none. */
  state: State | null = null;
  private reader: TableReader | null = null;
  private lastCommand = 0;
  private changes: Promise<unknown> = Promise.resolve();

  constructor(options: RemoteOptions) {
    this.supervision = options.supervision;
    this.clock = options.clock;
    this.onChanged = options.onChanged;
  }

  /** A worker has opened these tables: from now on questions are answered from them. */
  look(tables: Tables): void {
    const state = new State(tables.capacity, tables.memory, tableMemory, [0, 0], this.clock());
    this.state = state;
    this.reader = new TableReader({ state, clock: this.clock });
    this.lastCommand = Math.max(this.lastCommand, state.journal.committed);
  }

  info = async () => (await this.tables()).info();
  services = async () => (await this.tables()).services();
  service = async (key: ServiceKey) => (await this.tables()).service(key);
  timeouts = async () => (await this.tables()).timeouts();

  async settings(): Promise<Record<string, number>> {
    const reader = await this.tables();
    this.state?.keptSettings.load(this.state.settings);
    return reader.settings();
  }

  counters = () => this.supervision.ask('counters', {});

  trace = (request: TraceRequest) => tracePackets(this.supervision, request);

  async *connections(): AsyncGenerator<ConnectionEntry[]> {
    const reader = await this.tables();
    for await (const batch of reader.connections()) {
      yield batch;
      await nextTurn();
    }
  }

  addService = (key: ServiceKey, settings: ServiceSettings) =>
    this.change('addService', { key, settings });
  editService = (key: ServiceKey, settings: ServiceSettings) =>
    this.change('editService', { key, settings });
  deleteService = (key: ServiceKey) => this.change('deleteService', { key });
  flush = () => this.change('flush', {});
  addDestination = (service: ServiceKey, key: DestinationKey, settings: DestinationSettings) =>
    this.change('addDestination', { service, key, settings });
  editDestination = (service: ServiceKey, key: DestinationKey, settings: DestinationSettings) =>
    this.change('editDestination', { service, key, settings });
  deleteDestination = (service: ServiceKey, key: DestinationKey) =>
    this.change('deleteDestination', { service, key });
  apply = (changes: readonly Change[]) => this.change('apply', { changes: [...changes] });
  zero = (key?: ServiceKey) => this.change('zero', { key });
  setTimeouts = (timeouts: Timeouts) => this.change('setTimeouts', { timeouts });
  setSetting = (name: string, value: number) => this.change('setSetting', { name, value });
  daemons = async (): Promise<DaemonSettings[]> => [];
  startDaemon = (settings: DaemonSettings) => this.change('startDaemon', { settings });
  stopDaemon = (state: DaemonSettings['state']) => this.change('stopDaemon', { state });

  async snapshot(): Promise<Snapshot> {
    throw new ControlError('EOPNOTSUPP', 'The director looks at itself');
  }

  async upgrade(): Promise<{ version: string }> {
    throw new ControlError('EOPNOTSUPP', 'The director upgrades itself');
  }

  /** The tables as they are once the changes under way have been made. */
  private async tables(): Promise<TableReader> {
    await this.changes;
    if (this.reader === null) throw new ControlError('EIO', 'the data plane is not up yet');
    return this.reader;
  }

  private change<M extends MethodName>(method: M, params: Params<M>): Promise<void> {
    const made = this.changes.then(async () => {
      await this.make(method, params);
      this.onChanged();
    });
    this.changes = made.catch(() => {});
    return made;
  }

  private async make<M extends MethodName>(method: M, params: Params<M>): Promise<void> {
    const command = ++this.lastCommand;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.supervision.change({ command, method, params });
        return;
      } catch (error) {
        if (!(error instanceof WorkerEndedError)) throw error;
        await this.supervision.openWorker();
        if (this.state !== null && this.state.journal.committed >= command) return;
        if (attempt < ATTEMPTS_MAX) continue;
        const message = `not made: the data plane ended ${attempt} times while it was making it`;
        throw new ControlError('EIO', message);
      }
    }
  }
}
