/** Services and real servers as rows: those that are wanted, in the order that is wanted. */
import { endpointName } from '../../control/names.js';
import type { DestinationSnapshot, ServiceSnapshot } from '../../control/snapshot.js';
import type { Column } from './columns.js';
import type { View } from './view.js';

export type Row =
  | { kind: 'service'; name: string; entry: ServiceSnapshot }
  | { kind: 'server'; name: string; entry: DestinationSnapshot; isIndented: boolean };

type Choice = Pick<View, 'shape' | 'sort' | 'isReversed' | 'filter' | 'hidesIdle'>;

/**
 * A service is shown where its own name or that of one of its servers holds the filter's text; its servers are
 * shown where theirs or the service's does.
 */
export function rowsOf(
  services: readonly ServiceSnapshot[],
  choice: Choice,
  columns: readonly Column[],
): Row[] {
  const order = orderOf(choice, columns);
  const wanted = services.flatMap((service) => chosen(service, choice));
  if (choice.shape === 'servers') {
    return wanted
      .flatMap(({ servers }) => servers.map((entry) => serverRow(entry, false)))
      .sort(order);
  }
  const rows = wanted.map(({ service, servers }) => ({ row: serviceRow(service), servers }));
  rows.sort((a, b) => order(a.row, b.row));
  if (choice.shape === 'services') return rows.map(({ row }) => row);
  return rows.flatMap(({ row, servers }) => [
    row,
    ...servers.map((entry) => serverRow(entry, true)).sort(order),
  ]);
}

export function serviceTitle({ fwmark, protocol, ...key }: ServiceSnapshot): string {
  return fwmark === 0 ? `${protocol.toUpperCase()} ${endpointName(key)}` : `FWM ${fwmark}`;
}

interface Chosen {
  service: ServiceSnapshot;
  servers: DestinationSnapshot[];
}

/** The service with the servers that are to be shown, or nothing. */
function chosen(service: ServiceSnapshot, { filter, hidesIdle }: Choice): Chosen[] {
  if (hidesIdle && isIdle(service)) return [];
  const text = filter.toLowerCase();
  const matchesItself = serviceTitle(service).toLowerCase().includes(text);
  const servers = service.destinations.filter(
    (server) =>
      (matchesItself || endpointName(server).toLowerCase().includes(text)) &&
      !(hidesIdle && isIdle(server)),
  );
  return matchesItself || servers.length > 0 ? [{ service, servers }] : [];
}

function isIdle({ statistics }: ServiceSnapshot | DestinationSnapshot): boolean {
  return statistics.inPacketsPerSecond === 0 && statistics.outPacketsPerSecond === 0;
}

function serviceRow(entry: ServiceSnapshot): Row {
  return { kind: 'service', name: serviceTitle(entry), entry };
}

function serverRow(entry: DestinationSnapshot, isIndented: boolean): Row {
  return { kind: 'server', name: endpointName(entry), entry, isIndented };
}

/** Largest first; those that are equal stay in the order of the rules. */
function orderOf(
  { sort, isReversed }: Choice,
  columns: readonly Column[],
): (a: Row, b: Row) => number {
  const column = sort === null ? undefined : columns[sort];
  if (column === undefined) return () => 0;
  const sign = isReversed ? 1 : -1;
  return (a, b) => sign * (column.valueOf(a.entry) - column.valueOf(b.entry));
}
