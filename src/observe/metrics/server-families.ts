/**
 * Metrics of services and real servers, a number for each of them. With thousands of servers these are nearly all
 * lines there are, so they are read straight from the tables (readings.ts) and written by ourselves (exposition.ts).
 */
import type { Statistics } from '../../control/api.js';
import type { DestinationSnapshot, ServiceSnapshot } from '../../control/snapshot.js';
import type { Family } from './family.js';

/** What is read of a service. */
export type ServiceReading = Pick<
  ServiceSnapshot,
  'statistics' | 'scheduled' | 'notScheduled' | 'persistent' | 'timeoutSeconds'
> & { servers: number };

/** What is read of a server. */
export type ServerReading = Pick<
  DestinationSnapshot,
  | 'statistics'
  | 'weight'
  | 'activeConnections'
  | 'inactiveConnections'
  | 'persistentConnections'
  | 'isOverloaded'
  | 'unansweredSyns'
  | 'unansweredNow'
>;

export interface ServiceFamily extends Family {
  value: (service: ServiceReading) => number;
}

export interface ServerFamily extends Family {
  value: (server: ServerReading) => number;
}

type Counted = { statistics: Statistics };

const SERVICE_LABELS = ['protocol', 'service'];
const SERVER_LABELS = ['protocol', 'service', 'server'];
export const IPVS_LABELS = [
  'local_address',
  'local_port',
  'remote_address',
  'remote_port',
  'proto',
  'local_mark',
];

/** The same five counters and rates for services and for servers. */
function traffic(
  prefix: string,
  labels: readonly string[],
): (Family & { value: (counted: Counted) => number })[] {
  const counter = (name: string, key: keyof Statistics, help: string) => ({
    name: `${prefix}_${name}_total`,
    help,
    type: 'counter' as const,
    labels,
    value: ({ statistics }: Counted) => statistics[key],
  });
  const rate = (name: string, key: keyof Statistics, what: string) => ({
    name: `${prefix}_${name}_per_second`,
    help: `${what} per second, smoothed over some seconds as ip_vs does.`,
    type: 'gauge' as const,
    labels,
    value: ({ statistics }: Counted) => statistics[key],
  });
  return [
    counter('connections', 'connections', 'Connections that were made.'),
    counter('incoming_packets', 'inPackets', 'Packets from clients.'),
    counter('outgoing_packets', 'outPackets', 'Packets from servers.'),
    counter('incoming_bytes', 'inBytes', 'Bytes of packets from clients, from the IP header on.'),
    counter('outgoing_bytes', 'outBytes', 'Bytes of packets from servers, from the IP header on.'),
    rate('connections', 'connectionsPerSecond', 'Connections'),
    rate('incoming_packets', 'inPacketsPerSecond', 'Packets from clients'),
    rate('outgoing_packets', 'outPacketsPerSecond', 'Packets from servers'),
    rate('incoming_bytes', 'inBytesPerSecond', 'Bytes from clients'),
    rate('outgoing_bytes', 'outBytesPerSecond', 'Bytes from servers'),
  ];
}

export const SERVICE_FAMILIES: readonly ServiceFamily[] = [
  ...traffic('uvs_service', SERVICE_LABELS),
  {
    name: 'uvs_service_servers',
    help: 'Real servers that are in the service.',
    type: 'gauge',
    labels: SERVICE_LABELS,
    value: ({ servers }) => servers,
  },
  {
    name: 'uvs_service_scheduled_total',
    help: 'Times the scheduler was asked for a server and chose one.',
    type: 'counter',
    labels: SERVICE_LABELS,
    value: ({ scheduled }) => scheduled,
  },
  {
    name: 'uvs_service_not_scheduled_total',
    help: 'Times the scheduler was asked for a server and there was none to choose.',
    type: 'counter',
    labels: SERVICE_LABELS,
    value: ({ notScheduled }) => notScheduled,
  },
  {
    name: 'uvs_service_persistence_timeout_seconds',
    help: 'How long a client stays with its server; 0 where the service is not persistent.',
    type: 'gauge',
    labels: SERVICE_LABELS,
    value: ({ persistent, timeoutSeconds }) => (persistent ? timeoutSeconds : 0),
  },
];

export const SERVER_FAMILIES: readonly ServerFamily[] = [
  ...traffic('uvs_server', SERVER_LABELS),
  {
    name: 'uvs_server_weight',
    help: 'Weight; 0 for a server that gets no new connections.',
    type: 'gauge',
    labels: SERVER_LABELS,
    value: ({ weight }) => weight,
  },
  {
    name: 'uvs_server_active_connections',
    help: 'Connections that are established or being opened.',
    type: 'gauge',
    labels: SERVER_LABELS,
    value: ({ activeConnections }) => activeConnections,
  },
  {
    name: 'uvs_server_inactive_connections',
    help: 'Connections that are being closed, or are closed and not forgotten yet.',
    type: 'gauge',
    labels: SERVER_LABELS,
    value: ({ inactiveConnections }) => inactiveConnections,
  },
  {
    name: 'uvs_server_persistent_clients',
    help: 'Clients, or networks of them, that persistence keeps with the server.',
    type: 'gauge',
    labels: SERVER_LABELS,
    value: ({ persistentConnections }) => persistentConnections,
  },
  {
    name: 'uvs_server_overloaded',
    help: '1 while the server is above its upper threshold and gets no new connections.',
    type: 'gauge',
    labels: SERVER_LABELS,
    value: ({ isOverloaded }) => (isOverloaded ? 1 : 0),
  },
  {
    name: 'uvs_server_unanswered_syns_total',
    help: 'Connections that ended with no answer to the SYN: the server is down, or its replies go another way.',
    type: 'counter',
    labels: SERVER_LABELS,
    value: ({ unansweredSyns }) => unansweredSyns,
  },
  {
    name: 'uvs_server_unanswered_connections',
    help: 'Connections whose SYN has waited for an answer for a second or more, or was repeated.',
    type: 'gauge',
    labels: SERVER_LABELS,
    value: ({ unansweredNow }) => unansweredNow,
  },
];

/** One line a TCP state that occurs. */
export const SERVER_STATES: Family = {
  name: 'uvs_server_connections',
  help: 'Connections by TCP state, as the director sees it; states without connections are left out.',
  type: 'gauge',
  labels: [...SERVER_LABELS, 'state'],
};

/** As Prometheus' node_exporter has them on a host with ip_vs: dashboards made for it show uvs, too. */
export const IPVS_SERVER_FAMILIES: readonly ServerFamily[] = [
  {
    name: 'node_ipvs_backend_connections_active',
    help: 'The current active connections by local and remote address.',
    type: 'gauge',
    labels: IPVS_LABELS,
    value: ({ activeConnections }) => activeConnections,
  },
  {
    name: 'node_ipvs_backend_connections_inactive',
    help: 'The current inactive connections by local and remote address.',
    type: 'gauge',
    labels: IPVS_LABELS,
    value: ({ inactiveConnections }) => inactiveConnections,
  },
  {
    name: 'node_ipvs_backend_weight',
    help: 'The current backend weight by local and remote address.',
    type: 'gauge',
    labels: IPVS_LABELS,
    value: ({ weight }) => weight,
  },
];
