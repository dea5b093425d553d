/**
 * Everything a director knows, on memory that is handed in: connections, services, destinations, their
 * counters and timers, routes and settings. The engine and the lifecycle work on it; nothing here does.
 */
import type { Scheduler } from '../scheduler/scheduler.js';
import { CONNECTION_LAYOUT } from './conn/record.js';
import { FirstSyns } from './conn/first-syn.js';
import { ConnectionTable } from './conn/table.js';
import { TimerWheel } from './conn/wheel.js';
import { DROP_NAMES, DropCounters } from './drops.js';
import { KeptSettings, SETTINGS_LAYOUT } from './kept-settings.js';
import { Journal, JOURNAL_LAYOUT } from './memory/journal.js';
import { Region, regionBytes, type RecordLayout, type RegionMemory } from './memory/region.js';
import { Meters, METERS_LAYOUT } from './meters.js';
import { Routes } from './route/routes.js';
import { DESTINATION_LAYOUT, DestinationTable } from './service/destinations.js';
import { EndpointSet } from './service/endpoints.js';
import { SERVICE_LAYOUT, ServiceTable } from './service/services.js';
import { Statistics, STATISTICS_LAYOUT } from './service/statistics.js';
import { Trash } from './service/trash.js';
import { Settings } from './settings.js';

/** How many records of each kind there is room for. */
export interface Capacity {
  connections: number;
  services: number;
  destinations: number;
}

/** Memory of the tables; zeroed memory is formatted, records that are already there are taken over. */
export type StateMemory = Record<TableName, RegionMemory>;

/** Another list of reasons is another layout: then counting begins anew. */
const DROPS_LAYOUT: RecordLayout = { kind: 7, version: DROP_NAMES.length, recordWords: 64 };

export const DEFAULT_CAPACITY: Capacity = {
  connections: 1 << 21,
  services: 1 << 14,
  destinations: 1 << 16,
};

/** Gives zeroed memory; pages that are never touched should cost nothing. */
export type Allocate = (bytes: number) => ArrayBuffer;

export const heapMemory: Allocate = (bytes) => new ArrayBuffer(bytes);

export type TableName =
  | 'connections'
  | 'services'
  | 'destinations'
  | 'statistics'
  | 'settings'
  | 'drops'
  | 'meters'
  | 'journal';

/** What the tables of a state look like, in memory or in files. */
export function tableLayouts(
  capacity: Capacity,
): Record<TableName, { layout: RecordLayout; capacity: number }> {
  const { connections, services, destinations } = capacity;
  return {
    connections: { layout: CONNECTION_LAYOUT, capacity: connections },
    services: { layout: SERVICE_LAYOUT, capacity: services },
    destinations: { layout: DESTINATION_LAYOUT, capacity: destinations },
    statistics: { layout: STATISTICS_LAYOUT, capacity: 1 + services + destinations },
    settings: { layout: SETTINGS_LAYOUT, capacity: 1 },
    drops: { layout: DROPS_LAYOUT, capacity: 1 },
    meters: { layout: METERS_LAYOUT, capacity: 1 },
    journal: { layout: JOURNAL_LAYOUT, capacity: services + destinations },
  };
}

export function allocateMemory(capacity: Capacity, allocate: Allocate): StateMemory {
  const tables = Object.entries(tableLayouts(capacity)).map(([name, table]) => [
    name,
    { buffer: allocate(regionBytes(table.layout, table.capacity)) },
  ]);
  return Object.fromEntries(tables) as StateMemory;
}

export class State {
  readonly capacity: Capacity;
  readonly connections: ConnectionTable;
  readonly firstSyns: FirstSyns;
  readonly wheel: TimerWheel;
  readonly services: ServiceTable;
  readonly destinations: DestinationTable;
  readonly trash: Trash;
  readonly statistics: Statistics;
  readonly routes = new Routes();
  readonly settings: Settings;
  readonly keptSettings: KeptSettings;
  /** Timeouts by TCP state, in ticks. */
  readonly timeouts: Int32Array;
  readonly drops: DropCounters;
  readonly meters: Meters;
  /** Makes commands on services and destinations whole. */
  readonly journal: Journal;
  /** The bound scheduler of each service; none for the pseudo scheduler "none". */
  readonly schedulers: (Scheduler | undefined)[] = [];
  /** What interception hides from the kernel: by a packet's destination, and by its source. */
  readonly virtualEndpoints = new EndpointSet();
  readonly realEndpoints = new EndpointSet();
  /** Address and port of every server that is in a service now, as configured. */
  readonly servers = new EndpointSet();

  /**
   * @param allocate for what follows from the records: the connections' index
   * @param hashKey two random int32
   * @param now the clock, in ticks
   * @throws RegionError where the memory holds something else
   */
  constructor(
    capacity: Capacity,
    memory: StateMemory,
    allocate: Allocate,
    hashKey: readonly [number, number],
    now: number,
  ) {
    this.capacity = capacity;
    const layouts = tableLayouts(capacity);
    const region = (name: TableName): Region =>
      new Region(layouts[name].layout, layouts[name].capacity, memory[name]);
    this.settings = new Settings(capacity.connections);
    this.connections = new ConnectionTable(region('connections'), hashKey, allocate);
    this.firstSyns = new FirstSyns(this.connections.hash, allocate);
    this.wheel = new TimerWheel(this.connections.words, capacity.connections, now);
    const services = region('services');
    this.services = new ServiceTable(services);
    const destinations = region('destinations');
    this.destinations = new DestinationTable(destinations, this.services);
    this.trash = new Trash(this.destinations, this.services);
    this.statistics = new Statistics(region('statistics'));
    this.keptSettings = new KeptSettings(region('settings'));
    this.keptSettings.load(this.settings);
    this.timeouts = this.keptSettings.timeouts;
    this.drops = countersIn(region('drops'));
    this.meters = new Meters(region('meters'));
    this.journal = new Journal(region('journal'), [services, destinations]);
    services.journal = destinations.journal = this.journal;
  }

  /** Block of a service's statistics. */
  serviceBlock(service: number): number {
    return service;
  }

  /** Block of a destination's statistics. */
  destinationBlock(destination: number): number {
    return this.capacity.services + destination;
  }
}

/** The counters of dropped frames in record 1. */
function countersIn(region: Region): DropCounters {
  region.require(1);
  const { buffer, byteOffset } = region.words;
  const start = byteOffset + region.base(1) * Int32Array.BYTES_PER_ELEMENT;
  return new DropCounters(new Float64Array(buffer, start, DROP_NAMES.length));
}
