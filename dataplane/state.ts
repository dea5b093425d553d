/**
 * Everything a director knows, on memory that is handed in: connections, services, destinations, their
 * counters and timers, routes and settings. The engine and the lifecycle work on it; nothing here does.
 */
import type { Scheduler } from '../scheduler/scheduler.js';
import { CONNECTION_LAYOUT } from './conn/record.js';
import { defaultTimeouts } from './conn/states.js';
import { ConnectionTable } from './conn/table.js';
import { TimerWheel } from './conn/wheel.js';
import { DropCounters } from './drops.js';
import { Region, regionBytes } from './memory/region.js';
import { Routes } from './route/routes.js';
import { DESTINATION_LAYOUT, DestinationTable } from './service/destinations.js';
import { EndpointSet } from './service/endpoints.js';
import { SERVICE_LAYOUT, ServiceTable } from './service/services.js';
import { Statistics } from './service/statistics.js';
import { Trash } from './service/trash.js';
import { Settings } from './settings.js';

/** How many records of each kind there is room for. */
export interface Capacity {
  connections: number;
  services: number;
  destinations: number;
}

/** Memory of the three tables; zeroed memory is formatted, records that are already there are taken over. */
export interface StateMemory {
  connections: ArrayBuffer;
  services: ArrayBuffer;
  destinations: ArrayBuffer;
}

export const DEFAULT_CAPACITY: Capacity = {
  connections: 1 << 21,
  services: 1 << 14,
  destinations: 1 << 16,
};

/** Gives zeroed memory; pages that are never touched should cost nothing. */
export type Allocate = (bytes: number) => ArrayBuffer;

export const heapMemory: Allocate = (bytes) => new ArrayBuffer(bytes);

export function allocateMemory(capacity: Capacity, allocate: Allocate): StateMemory {
  return {
    connections: allocate(regionBytes(CONNECTION_LAYOUT, capacity.connections)),
    services: allocate(regionBytes(SERVICE_LAYOUT, capacity.services)),
    destinations: allocate(regionBytes(DESTINATION_LAYOUT, capacity.destinations)),
  };
}

export class State {
  readonly capacity: Capacity;
  readonly connections: ConnectionTable;
  readonly wheel: TimerWheel;
  readonly services: ServiceTable;
  readonly destinations: DestinationTable;
  readonly trash: Trash;
  readonly statistics: Statistics;
  readonly routes = new Routes();
  readonly settings = new Settings();
  readonly drops = new DropCounters();
  /** Timeouts by TCP state, in ticks. */
  readonly timeouts = defaultTimeouts();
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
    const connections = new Region(CONNECTION_LAYOUT, capacity.connections, memory.connections);
    this.connections = new ConnectionTable(connections, hashKey, allocate);
    this.wheel = new TimerWheel(this.connections.words, capacity.connections, now);
    const services = new Region(SERVICE_LAYOUT, capacity.services, memory.services);
    this.services = new ServiceTable(services);
    const destinations = new Region(DESTINATION_LAYOUT, capacity.destinations, memory.destinations);
    this.destinations = new DestinationTable(destinations, this.services);
    this.trash = new Trash(this.destinations, this.services);
    this.statistics = new Statistics(1 + capacity.services + capacity.destinations);
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
