/**
 * The data plane as a process, on the other end of the director's IPC channel. It goes on when the director dies:
 * the next one asks it to end when it has a successor.
 */
import { existsSync } from 'node:fs';
import { ControlError } from '../control/api.js';
import { calls } from '../control/calls.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import { openTables, setTablesAside, type OpenedTables } from '../virtual-server/tables.js';
import type { VirtualServer } from '../virtual-server/virtual-server.js';
import { DataPlane } from './data-plane.js';
import {
  FIRST_SOCKET,
  HAND_BACK_SOCKET,
  SOCKETS_PER_PORT,
  type FromWorker,
  type OpenReport,
  type Question,
  type Questions,
  type ToWorker,
  type WorkerOptions,
} from './messages.js';
import { ownTables } from './owner.js';
import { showPresence } from './presence.js';

const ALIVE_MS = 500;

type Send = (message: FromWorker) => void;

type Answers = {
  [Q in Question]: (dataPlane: DataPlane, params: Questions[Q]['params']) => Questions[Q]['answer'];
};

const ANSWERS: Answers = {
  isLocal: (dataPlane, { address }) => dataPlane.isLocal(address),
  counters: (dataPlane) => dataPlane.counters(),
  beginTrace: ({ traces }, { trace, request }) => traces.begin(trace, request),
  fetchTrace: ({ traces }, { trace }) => traces.fetch(trace),
  endTrace: ({ traces }, { trace }) => traces.end(trace),
};

export class Worker {
  private dataPlane: DataPlane | null = null;
  private isRunning = false;
  private tables = '';

  constructor(private readonly send: Send) {}

  /** Does what the director says. Rejects where nothing works any more. */
  async handle(message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'open':
        this.open(message.options);
        break;
      case 'run':
        this.run();
        break;
      case 'change':
        await this.change(message);
        break;
      case 'question':
        this.answer(message.id, message.question, message.params);
        break;
      case 'end':
        this.end();
    }
  }

  /** The director is gone: without packets to move there is nothing left to do. */
  orphaned(): void {
    if (!this.isRunning) process.exit();
  }

  end(): void {
    this.dataPlane?.stop();
    process.exit();
  }

  private open(options: WorkerOptions): void {
    this.tables = options.tables;
    ownTables(options.tables);
    const start = performance.now();
    const aside = asideOf(options);
    const tables = openTables(options.tables, options.capacity);
    const dataPlane = this.plane(options, tables);
    const { virtualServer } = dataPlane;
    const damaged = virtualServer.rebuild();
    dataPlane.takeOverFlows();
    // Changes are told from now on: before, they were part of all this.
    this.dataPlane = dataPlane;
    this.send({ type: 'endpoints', all: virtualServer.interceptedEndpoints.all });
    const report: OpenReport = {
      areTakenOver: tables.areTakenOver,
      connections: virtualServer.state.connections.count,
      notes: [...aside, ...tables.notes],
      damaged,
      rebuildMs: Math.round(performance.now() - start),
    };
    this.send({ type: 'opened', report });
  }

  private plane(options: WorkerOptions, tables: OpenedTables): DataPlane {
    return new DataPlane({
      ...tables,
      driver: options.driver,
      ports: options.ports,
      expectsAll: options.expectsAll,
      sockets: options.driver === 'ring' ? options.ports.map((_, port) => socketsOf(port)) : [],
      handBackSocket: HAND_BACK_SOCKET,
      flowTables: options.hasFastPath
        ? FIRST_SOCKET + options.ports.length * SOCKETS_PER_PORT
        : null,
      onEndpointsChanged: (touched) => this.endpointsChanged(touched),
      onWornOut: (reason) => this.makeWay(reason),
      onHostChange: (description) => this.send({ type: 'host', description }),
      onAddressesChanged: () => this.send({ type: 'addresses' }),
      onPortsChanged: (ports) => this.send({ type: 'ports', ports }),
    });
  }

  /** The director has a successor ready; this worker has told it why by the time it ends. */
  private makeWay(reason: string): void {
    this.send({ type: 'host', description: `${reason}: another process takes over` });
    this.dataPlane?.stop();
    setImmediate(() => process.exit());
  }

  private run(): void {
    const dataPlane = this.opened();
    dataPlane.start();
    this.isRunning = true;
    showPresence(this.tables);
    setInterval(() => {
      this.send({ type: 'alive' });
      // The automatic defences have changed their settings, perhaps.
      const { keptSettings, settings } = dataPlane.virtualServer.state;
      keptSettings.save(settings);
    }, ALIVE_MS);
    this.send({ type: 'running' });
  }

  private async change(message: Extract<ToWorker, { type: 'change' }>): Promise<void> {
    const { id, command, method, params } = message;
    const { virtualServer } = this.opened();
    // The table's type ties each call to its parameters; TypeScript can't follow it through the union.
    const perform = calls[method] as (control: VirtualServer, params: unknown) => Promise<unknown>;
    try {
      await virtualServer.whole(command, () => perform(virtualServer, params));
      this.send({ type: 'done', id });
    } catch (error) {
      this.refuse(id, error);
    }
  }

  private answer(id: number, question: Question, params: unknown): void {
    // The table's type ties each question to its parameters, as in `change`.
    const find = ANSWERS[question] as (dataPlane: DataPlane, params: unknown) => unknown;
    try {
      this.send({ type: 'done', id, answer: find(this.opened(), params) });
    } catch (error) {
      this.refuse(id, error);
    }
  }

  /** Throws again what is no refusal. */
  private refuse(id: number, error: unknown): void {
    if (!(error instanceof ControlError)) throw error;
    this.send({ type: 'refused', id, errno: error.errno, message: error.message });
  }

  private endpointsChanged(touched: Endpoints | 'all'): void {
    if (this.dataPlane === null) return;
    const wanted = this.dataPlane.virtualServer.interceptedEndpoints;
    if (touched === 'all') {
      this.send({ type: 'endpoints', all: wanted.all });
      return;
    }
    const changes = (['virtual', 'real'] as const).flatMap((side) =>
      touched[side].map(({ address, port }) => ({
        side,
        address,
        port,
        isWanted: wanted.has(side, { address, port }),
      })),
    );
    this.send({ type: 'endpoint', changes });
  }

  private opened(): DataPlane {
    if (this.dataPlane === null) throw new Error('the data plane is not open');
    return this.dataPlane;
  }
}

/** Descriptors of a port's sockets. */
function socketsOf(port: number): number[] {
  const first = FIRST_SOCKET + port * SOCKETS_PER_PORT;
  return Array.from({ length: SOCKETS_PER_PORT }, (_, i) => first + i);
}

/** Sets aside what the director doesn't trust any more; returns sentences about it. */
function asideOf({ tables, aside }: WorkerOptions): string[] {
  if (aside === 'nothing' || !existsSync(tables)) return [];
  const files = setTablesAside(tables, aside === 'all' ? undefined : ['connections']);
  return [
    `the data plane failed again and again with these tables, kept aside: ${files.join(', ')}`,
  ];
}
