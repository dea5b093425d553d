/** What two directors with the same traffic are compared by. */
import * as rec from '../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../dataplane/conn/states.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { VIP } from './director.js';
import { address } from './frames.js';

const TCP_PROTOCOL = 6;

/** A client's end of a connection, and the port of the service. */
export interface Ends {
  client: string;
  clientPort: number;
  port: number;
}

/** 0 for none. */
export function connectionOf({ state }: VirtualServer, { client, clientPort, port }: Ends): number {
  const { connections } = state;
  return connections.findInbound(TCP_PROTOCOL, address(client), clientPort, address(VIP), port);
}

/** The TCP state of a connection, "none" without one. */
export function stateOf(server: VirtualServer, ends: Ends): string {
  const c = connectionOf(server, ends);
  const { words } = server.state.connections;
  const meta = words[c * rec.CONNECTION_LAYOUT.recordWords + rec.W_META];
  return c === 0 ? 'none' : STATE_NAMES[meta & 0xff];
}

/** Of each service and its servers, as published; of servers also their active and inactive connections. */
export async function countersOf(server: VirtualServer): Promise<number[][]> {
  const services = await server.services();
  const rows = services.flatMap((service) => [service, ...service.destinations]);
  return rows.map((row) => {
    const { connections, inPackets, outPackets, inBytes, outBytes } = row.statistics;
    const counts =
      'activeConnections' in row ? [row.activeConnections, row.inactiveConnections] : [];
    return [connections, inPackets, outPackets, inBytes, outBytes, ...counts];
  });
}
