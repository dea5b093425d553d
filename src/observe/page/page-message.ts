/** A snapshot as the status page is told it: what it shows, in pieces that don't grow without bound. */
import { endpointName, serviceName } from '../../control/names.js';
import type { DestinationSnapshot, ServiceSnapshot, Snapshot } from '../../control/snapshot.js';
import type { NewestConnections, PageMessage, PageRow } from './message.js';

/** Services and servers on a page. */
export const ROWS_MAX = 300;

/** @param filter of services and servers: text in their names */
export function pageMessage(
  snapshot: Snapshot,
  filter: string,
  newest: NewestConnections,
): PageMessage {
  const { services, connections, counters, director } = snapshot;
  const { rows, matching } = rowsOf(services, filter.trim().toLowerCase());
  return {
    takenAtMs: snapshot.takenAtMs,
    version: director.version,
    startedAtMs: director.startedAtMs,
    dataPlane: snapshot.dataPlane,
    total: snapshot.total,
    states: connections.states,
    halfOpen: connections.halfOpen,
    uses: usesOf(snapshot),
    drops: dropsOf(snapshot),
    defences: counters?.defences ?? [],
    counts: { services: services.length, servers: serversIn(services) },
    rows,
    rowsLeftOff: matching - rows.length,
    newest,
  };
}

/**
 * A service is shown where its name or one of its servers' holds the text; servers where theirs or its does. No more
 * than ROWS_MAX are made into rows, services before servers; the others are counted.
 */
function rowsOf(
  services: readonly ServiceSnapshot[],
  text: string,
): { rows: PageRow[]; matching: number } {
  const matches = services.flatMap((service) => {
    const isMatch = serviceName(service).includes(text);
    const servers = isMatch
      ? service.destinations
      : service.destinations.filter((server) => endpointName(server).includes(text));
    return isMatch || servers.length > 0 ? [{ service, servers }] : [];
  });
  const shown = matches.slice(0, ROWS_MAX);
  let room = ROWS_MAX - shown.length;
  const rows = shown.flatMap(({ service, servers }) => {
    const own = servers.slice(0, room);
    room -= own.length;
    return [serviceRow(service, servers.length - own.length), ...own.map(serverRow)];
  });
  return { rows, matching: sumOf(matches, ({ servers }) => 1 + servers.length) };
}

/** `leftOff`: servers for which there was no room. */
function serviceRow(service: ServiceSnapshot, leftOff: number): PageRow {
  const { destinations, statistics, scheduler, persistent, timeoutSeconds } = service;
  return {
    kind: 'service',
    name: serviceName(service),
    detail: scheduler,
    active: sumOf(destinations, ({ activeConnections }) => activeConnections),
    inactive: sumOf(destinations, ({ inactiveConnections }) => inactiveConnections),
    persistent: sumOf(destinations, ({ persistentConnections }) => persistentConnections),
    statistics,
    notes: [
      ...(persistent ? [`persistent, ${timeoutSeconds} s`] : []),
      ...(destinations.length === 0 ? ['no servers'] : []),
      ...(leftOff > 0 ? [`${leftOff} servers not shown`] : []),
    ],
    isWarning: destinations.length === 0,
  };
}

function serverRow(server: DestinationSnapshot): PageRow {
  const { weight, isOverloaded, unansweredNow } = server;
  return {
    kind: 'server',
    name: endpointName(server),
    detail: String(weight),
    active: server.activeConnections,
    inactive: server.inactiveConnections,
    persistent: server.persistentConnections,
    statistics: server.statistics,
    notes: [
      ...(weight === 0 ? ['drained'] : []),
      ...(isOverloaded ? ['overloaded'] : []),
      ...(unansweredNow > 0 ? [`${unansweredNow} SYNs unanswered`] : []),
    ],
    isWarning: isOverloaded || unansweredNow > 0,
  };
}

function usesOf({ connections, counters }: Snapshot): PageMessage['uses'] {
  const { used, capacity } = connections;
  const uses = [{ name: 'connections', use: { used, capacity } }];
  if (counters === null) return uses;
  const { services, destinations, parkedFrames, fragmentedPackets } = counters;
  return [
    ...uses,
    { name: 'services', use: services },
    { name: 'real servers', use: destinations },
    { name: 'frames waiting for a neighbour', use: parkedFrames },
    { name: 'packets waiting for fragments', use: fragmentedPackets },
  ];
}

function dropsOf({ drops, counters }: Snapshot): PageMessage['drops'] {
  const lost = (counters?.interfaces ?? []).flatMap((one) => [
    { reason: `ring drops of ${one.name}`, count: one.ringDrops },
    { reason: `SYN drops of ${one.name}`, count: one.synDrops },
    { reason: `send errors of ${one.name}`, count: one.sendErrors },
  ]);
  const reasons = Object.entries(drops).map(([reason, count]) => ({ reason, count }));
  return [...reasons, ...lost].filter(({ count }) => count > 0);
}

function serversIn(services: readonly ServiceSnapshot[]): number {
  return sumOf(services, ({ destinations }) => destinations.length);
}

function sumOf<T>(all: readonly T[], valueOf: (one: T) => number): number {
  return all.reduce((sum, one) => sum + valueOf(one), 0);
}
