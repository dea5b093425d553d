/** What each form of `-L` shows of a service and of a real server. */
import type {
  DestinationEntry,
  DestinationSettings,
  ForwardingMethod,
  ServiceEntry,
  TunnelSettings,
} from '../../control/api.js';
import { IPV4_HOST_MASK, IPV6_HOST_MASK, type OptionName } from '../request.js';
import { formatSchedulerFlags } from '../scheduler-flags.js';
import { exactCell, shortCell } from './numbers.js';

/** Lines without their line feeds; `name` is the whole of the first column. */
export interface Columns {
  readonly titles: readonly [string, string];
  service(entry: ServiceEntry, name: string): string;
  server(entry: DestinationEntry, name: string): string;
}

const FORWARDING_NAMES: { readonly [method in ForwardingMethod]: string } = {
  masq: 'Masq',
  local: 'Local',
  tunnel: 'Tunnel',
  route: 'Route',
  bypass: 'Bypass',
};

/** ipvsadm(8)'s notation of a tunnel's checksums. */
const CHECKSUM_NAMES: { readonly [kind in TunnelSettings['checksum']]: string } = {
  none: '-c',
  csum: '+c',
  remcsum: 'r+c',
};

const SERVICE_WIDTH = 33;
const SERVER_WIDTH = 28;

/** The columns that the options ask for; of several forms the first of these counts. */
export function columnsFor(given: ReadonlySet<OptionName>): Columns {
  const cell = given.has('exact') ? exactCell : shortCell;
  if (given.has('stats')) return statisticsColumns(cell);
  if (given.has('rate')) return rateColumns(cell);
  if (given.has('thresholds')) return THRESHOLDS;
  if (given.has('persistent-conn')) return PERSISTENT_CONNECTIONS;
  return given.has('tun-info') ? TUNNELS : CONNECTIONS;
}

const SERVER_TITLE = '  -> RemoteAddress:Port';
const SERVICE_TITLE = 'Prot LocalAddress:Port';

const CONNECTIONS: Columns = {
  titles: [
    `${SERVICE_TITLE} Scheduler Flags`,
    `${SERVER_TITLE}           Forward Weight ActiveConn InActConn`,
  ],
  service: describeService,
  server: (entry, name) =>
    serverLine(name, [
      [FORWARDING_NAMES[entry.forwarding], 7],
      [entry.weight, 6],
      ...connectionCells(entry),
    ]),
};

const TUNNELS: Columns = {
  titles: [
    CONNECTIONS.titles[0],
    `${SERVER_TITLE}           Forward TunnelInfo    Weight ActiveConn InActConn`,
  ],
  service: describeService,
  server: (entry, name) =>
    serverLine(name, [
      [FORWARDING_NAMES[entry.forwarding], 7],
      [describeTunnel(entry), 13],
      [entry.weight, 6],
      ...connectionCells(entry),
    ]),
};

const THRESHOLDS: Columns = {
  titles: [
    `${SERVICE_TITLE.padEnd(SERVICE_WIDTH)} Uthreshold Lthreshold ActiveConn InActConn `,
    SERVER_TITLE,
  ],
  service: describeService,
  server: (entry, name) =>
    serverLine(name, [
      [entry.upperThreshold, 10],
      [entry.lowerThreshold, 10],
      ...connectionCells(entry),
    ]),
};

const PERSISTENT_CONNECTIONS: Columns = {
  titles: [
    `${SERVICE_TITLE.padEnd(SERVICE_WIDTH)} Weight    PersistConn ActiveConn InActConn `,
    SERVER_TITLE,
  ],
  service: describeService,
  server: (entry, name) =>
    serverLine(name, [
      [entry.weight, 9],
      [entry.persistentConnections, 11],
      ...connectionCells(entry),
    ]),
};

type Cell = (value: number) => string;

function statisticsColumns(cell: Cell): Columns {
  const cells = ({ statistics }: ServiceEntry | DestinationEntry): string =>
    [
      statistics.connections,
      statistics.inPackets,
      statistics.outPackets,
      statistics.inBytes,
      statistics.outBytes,
    ]
      .map(cell)
      .join('');
  return counterColumns(['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes'], cells);
}

/** Rates of connections and packets are never abbreviated. */
function rateColumns(cell: Cell): Columns {
  const cells = ({ statistics }: ServiceEntry | DestinationEntry): string =>
    [
      exactCell(statistics.connectionsPerSecond),
      exactCell(statistics.inPacketsPerSecond),
      exactCell(statistics.outPacketsPerSecond),
      cell(statistics.inBytesPerSecond),
      cell(statistics.outBytesPerSecond),
    ].join('');
  return counterColumns(['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS'], cells);
}

function counterColumns(
  titles: readonly string[],
  cells: (entry: ServiceEntry | DestinationEntry) => string,
): Columns {
  const heads = titles.map((title) => ` ${title.padStart(8)}`).join('');
  return {
    titles: [SERVICE_TITLE.padEnd(SERVICE_WIDTH) + heads, SERVER_TITLE],
    service: (entry, name) => name.padEnd(SERVICE_WIDTH) + cells(entry),
    server: (entry, name) => serverLine(name, []) + cells(entry),
  };
}

/** "TCP  10.1.0.100:80 sh (sh-port) persistent 360 mask 255.255.255.0 ops" */
function describeService(entry: ServiceEntry, name: string): string {
  let line = `${name} ${entry.scheduler}`;
  if (entry.schedulerFlags !== 0) {
    line += ` (${formatSchedulerFlags(entry.schedulerFlags, entry.scheduler)})`;
  }
  if (entry.persistent) {
    line += ` persistent ${entry.timeoutSeconds}`;
    const mask = notableMask(entry);
    if (mask !== null) line += ` mask ${mask}`;
    if (entry.persistenceEngine !== '') line += ` pe ${entry.persistenceEngine}`;
  }
  return entry.onePacket ? `${line} ops` : line;
}

/** The netmask where it isn't the whole address. */
export function notableMask({
  family,
  netmask,
}: Pick<ServiceEntry, 'family' | 'netmask'>): string | null {
  return netmask === (family === 'inet6' ? IPV6_HOST_MASK : IPV4_HOST_MASK) ? null : netmask;
}

/** "ipip", "gue:6080:-c", "gre:+c" */
function describeTunnel({ forwarding, tunnel }: DestinationSettings): string {
  if (forwarding !== 'tunnel') return 'n/a';
  const checksum = CHECKSUM_NAMES[tunnel.checksum];
  if (tunnel.type === 'gue') return `gue:${tunnel.port}:${checksum}`;
  return tunnel.type === 'gre' ? `gre:${checksum}` : tunnel.type;
}

type PaddedCell = readonly [value: string | number, width: number];

function connectionCells(entry: DestinationEntry): PaddedCell[] {
  return [
    [entry.activeConnections, 10],
    [entry.inactiveConnections, 10],
  ];
}

function serverLine(name: string, cells: readonly PaddedCell[]): string {
  const padded = cells.map(([value, width]) => ` ${String(value).padEnd(width)}`);
  return `  -> ${name.padEnd(SERVER_WIDTH)}${padded.join('')}`;
}

/** The first column of an IPv4 service or server is cut to its width, an IPv6 one is not. */
export function fitServiceName(name: string, { family }: ServiceEntry): string {
  return family === 'inet' ? name.slice(0, SERVICE_WIDTH) : name;
}

export function fitServerName(name: string, { family }: DestinationEntry): string {
  return family === 'inet' ? name.slice(0, SERVER_WIDTH) : name;
}
