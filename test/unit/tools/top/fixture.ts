/** Snapshots of a director that isn't there. */
import type { Statistics } from '../../../../src/control/api.js';
import type {
  DestinationSnapshot,
  ServiceSnapshot,
  Snapshot,
} from '../../../../src/control/snapshot.js';
import {
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
} from '../../../support/director.js';

export const NOON_MS = Date.UTC(2020, 0, 1, 12);

export function statistics(changes: Partial<Statistics> = {}): Statistics {
  return {
    connections: 0,
    inPackets: 0,
    outPackets: 0,
    inBytes: 0,
    outBytes: 0,
    connectionsPerSecond: 0,
    inPacketsPerSecond: 0,
    outPacketsPerSecond: 0,
    inBytesPerSecond: 0,
    outBytesPerSecond: 0,
    ...changes,
  };
}

/** 10.2.0.HOST:80 */
export function server(
  host: number,
  changes: Partial<DestinationSnapshot> = {},
): DestinationSnapshot {
  return {
    ...destinationKey(host),
    ...destinationSettings(),
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    statistics: statistics(),
    states: {},
    isOverloaded: false,
    unansweredSyns: 0,
    unansweredNow: 0,
    ...changes,
  };
}

/** 10.1.0.100:PORT */
export function service(
  port: number,
  destinations: DestinationSnapshot[],
  changes: Partial<ServiceSnapshot> = {},
): ServiceSnapshot {
  return {
    ...serviceKey(port),
    ...serviceSettings(),
    statistics: statistics(),
    scheduled: 0,
    notScheduled: 0,
    ...changes,
    destinations,
  };
}

export function snapshot(services: ServiceSnapshot[], changes: Partial<Snapshot> = {}): Snapshot {
  return {
    takenAtMs: NOON_MS,
    director: { version: '1.2.3', node: 'v20.19.0', startedAtMs: NOON_MS - 60_000 },
    dataPlane: { isServing: true, restarts: 0 },
    total: statistics(),
    services,
    connections: { used: 0, capacity: 1000, templates: 0, halfOpen: 0, states: {} },
    measured: {
      bursts: { bounds: [1], counts: [0, 0], sum: 0 },
      timeInside: { bounds: [1], counts: [0, 0], sum: 0 },
      expired: {},
      expiredTemplates: 0,
    },
    drops: { table_full: 0, no_route: 0 },
    counters: null,
    ...changes,
  };
}
