/** Metrics of the director as a whole, and of its interfaces. */
import { DEFENCES } from '../../../dataplane/settings.js';
import type { FastPathCounters, InterfaceCounters } from '../../control/api.js';
import type { Snapshot } from '../../control/snapshot.js';
import type { Family } from './family.js';

export type Labels = Record<string, string>;
/** Takes a value of the family, with its labels. */
export type Put = (value: number, labels?: Labels) => void;

export interface DirectorFamily extends Family {
  type: 'counter' | 'gauge';
  /** Says all values there are; none where they aren't known now. */
  collect(snapshot: Snapshot, put: Put): void;
}

const MS_PER_SECOND = 1000;

function plain(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (snapshot: Snapshot) => number | undefined,
): DirectorFamily {
  return {
    type,
    name,
    help,
    labels: [],
    collect: (snapshot, put) => {
      const known = value(snapshot);
      if (known !== undefined) put(known);
    },
  };
}

/** A counter of each interface. */
function ofInterfaces(
  name: string,
  key: Exclude<keyof InterfaceCounters, 'name'>,
  help: string,
): DirectorFamily {
  return {
    type: 'counter',
    name: `uvs_interface_${name}_total`,
    help,
    labels: ['interface'],
    collect: ({ counters }, put) => {
      for (const one of counters?.interfaces ?? []) put(one[key], { interface: one.name });
    },
  };
}

/** By the name of what there is only so much room for. */
const TABLES = {
  connections: ({ connections }: Snapshot) => connections,
  services: ({ counters }: Snapshot) => counters?.services,
  servers: ({ counters }: Snapshot) => counters?.destinations,
  parked_frames: ({ counters }: Snapshot) => counters?.parkedFrames,
  fragmented_packets: ({ counters }: Snapshot) => counters?.fragmentedPackets,
  fast_path: ({ counters }: Snapshot) => counters?.fastPath ?? undefined,
};

function ofTables(name: string, key: 'used' | 'capacity', help: string): DirectorFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: ['table'],
    collect: (snapshot, put) => {
      for (const [table, useOf] of Object.entries(TABLES)) {
        const use = useOf(snapshot);
        if (use !== undefined) put(use[key], { table });
      }
    },
  };
}

/** What the kernel forwards by itself; nothing without a fast path. */
function ofFastPath(name: string, key: keyof FastPathCounters, help: string): DirectorFamily {
  return plain(
    'counter',
    `uvs_fast_path_${name}_total`,
    help,
    ({ counters }) => counters?.fastPath?.[key],
  );
}

export const DIRECTOR_FAMILIES: readonly DirectorFamily[] = [
  {
    type: 'gauge',
    name: 'uvs_build_info',
    help: 'Always 1; the labels say which versions of uvs and Node.js are running.',
    labels: ['version', 'node'],
    collect: ({ director: { version, node } }, put) => put(1, { version, node }),
  },
  plain(
    'gauge',
    'uvs_director_start_time_seconds',
    'When the director was started, in seconds since 1970.',
    ({ director }) => director.startedAtMs / MS_PER_SECOND,
  ),
  plain('gauge', 'uvs_data_plane_up', '1 while packets are balanced.', ({ dataPlane }) =>
    dataPlane.isServing ? 1 : 0,
  ),
  plain(
    'counter',
    'uvs_data_plane_restarts_total',
    'Processes of the data plane that ended and were replaced since the director was started.',
    ({ dataPlane }) => dataPlane.restarts,
  ),
  {
    type: 'gauge',
    name: 'uvs_connections',
    help: 'Connections of all servers by TCP state, as the director sees it.',
    labels: ['state'],
    collect: ({ connections, measured }, put) => {
      for (const state of Object.keys(measured.expired)) {
        put(connections.states[state] ?? 0, { state });
      }
    },
  },
  plain(
    'gauge',
    'uvs_half_open_connections',
    'Connections whose handshake is not complete.',
    ({ connections }) => connections.halfOpen,
  ),
  plain(
    'gauge',
    'uvs_persistence_templates',
    'Clients, or networks of them, that persistence keeps with a server.',
    ({ connections }) => connections.templates,
  ),
  ofTables(
    'uvs_table_entries',
    'used',
    'What is in use of a table; connections count together with persistence templates.',
  ),
  ofTables('uvs_table_limit', 'capacity', 'How much a table has room for.'),
  {
    type: 'counter',
    name: 'uvs_drops_total',
    help: 'Packets that were dropped, by reason; `uvs status` says what each reason means.',
    labels: ['reason'],
    collect: ({ drops }, put) => {
      for (const [reason, count] of Object.entries(drops)) put(count, { reason });
    },
  },
  {
    type: 'gauge',
    name: 'uvs_defence_in_effect',
    help: '1 while a defence against overload is in effect.',
    labels: ['defence'],
    collect: ({ counters }, put) => {
      if (counters === null) return;
      for (const defence of DEFENCES) put(counters.defences.includes(defence) ? 1 : 0, { defence });
    },
  },
  {
    type: 'counter',
    name: 'uvs_expired_connections_total',
    help: 'Connections whose time was up, by the TCP state they were in.',
    labels: ['state'],
    collect: ({ measured }, put) => {
      for (const [state, count] of Object.entries(measured.expired)) put(count, { state });
    },
  },
  plain(
    'counter',
    'uvs_expired_templates_total',
    'Persistence templates whose time was up.',
    ({ measured }) => measured.expiredTemplates,
  ),
  ofInterfaces('received_frames', 'receivedFrames', 'Frames that the data plane received.'),
  ofInterfaces('sent_frames', 'sentFrames', 'Frames that the data plane sent.'),
  ofInterfaces('send_calls', 'sendCalls', 'System calls that frames were sent with.'),
  ofInterfaces(
    'handed_back_frames',
    'handedBackFrames',
    "Frames that were left to the host's kernel after all.",
  ),
  ofInterfaces('ring_drops', 'ringDrops', 'Frames that were lost because a receive ring was full.'),
  ofInterfaces('syn_drops', 'synDrops', 'SYNs that were lost because the ring for them was full.'),
  ofInterfaces(
    'back_pressure',
    'backPressure',
    'Times the interface could not take all frames at once.',
  ),
  ofInterfaces('send_errors', 'sendErrors', 'Frames that the interface refused.'),
  ofFastPath('packets', 'packets', 'Packets that the kernel has forwarded by itself.'),
  ofFastPath('bytes', 'bytes', 'Bytes of these packets, from their IP headers on.'),
  ofFastPath('crowded', 'crowded', 'Times a connection found no room in the fast path.'),
  ofFastPath('opened', 'opened', 'Connections that the kernel has opened by itself.'),
];

/** As Prometheus' node_exporter has them on a host with ip_vs. */
export const IPVS_DIRECTOR_FAMILIES: readonly DirectorFamily[] = [
  plain(
    'counter',
    'node_ipvs_connections_total',
    'The total number of connections made.',
    ({ total }) => total.connections,
  ),
  plain(
    'counter',
    'node_ipvs_incoming_packets_total',
    'The total number of incoming packets.',
    ({ total }) => total.inPackets,
  ),
  plain(
    'counter',
    'node_ipvs_outgoing_packets_total',
    'The total number of outgoing packets.',
    ({ total }) => total.outPackets,
  ),
  plain(
    'counter',
    'node_ipvs_incoming_bytes_total',
    'The total amount of incoming data.',
    ({ total }) => total.inBytes,
  ),
  plain(
    'counter',
    'node_ipvs_outgoing_bytes_total',
    'The total amount of outgoing data.',
    ({ total }) => total.outBytes,
  ),
];
