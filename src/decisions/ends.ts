/** Who a packet is between, as a director sees it: a client, and its own virtual address or a real server. */
import type { State } from '../../dataplane/state.js';
import { quotedTcpPacket } from '../../dataplane/nat/icmp-translate.js';
import * as icmp from '../../dataplane/wire/icmp.js';
import * as ipv4 from '../../dataplane/wire/ipv4.js';
import * as tcp from '../../dataplane/wire/tcp.js';
import type { PacketView } from './packet-view.js';

/** Of a later fragment nobody knows the ports. */
export const UNKNOWN_PORT = -1;

export interface Ends {
  /** The other end is a virtual address: the packet came from a client. Else it is a server. */
  isVirtual: boolean;
  client: number;
  clientPort: number;
  other: number;
  otherPort: number;
  /** An ICMP error about a packet of these ends. */
  isError: boolean;
}

/** The ends of a packet as it came; null where it is neither TCP nor an ICMP error about TCP. */
export function endsOf(view: PacketView, state: State): Ends | null {
  const { memory, ip } = view;
  if (ip === 0) return null;
  const protocol = ipv4.protocol(memory, ip);
  if (protocol === ipv4.PROTOCOL_ICMP) return endsOfError(view, state);
  if (protocol !== ipv4.PROTOCOL_TCP) return null;
  return endsBetween(view, isOurs(view.destination, destinationPort(view), state), false);
}

/** The ends of a packet as it is sent, rewritten. */
export function endsOfSent(view: PacketView, state: State): Ends | null {
  if (view.segment === 0) return null;
  return endsBetween(view, isOurs(view.source, view.sourcePort, state), true);
}

/** A virtual address that another host has by now still is the other end of its connections. */
function isOurs(address: number, port: number, { routes, virtualEndpoints }: State): boolean {
  return routes.isLocal(address) || virtualEndpoints.has(address, port);
}

/** @param isSent the packet was rewritten: it goes to the client from a virtual address, or from a client to a server */
function endsBetween(view: PacketView, isVirtual: boolean, isSent: boolean): Ends {
  const { source, destination } = view;
  const [sourcePort, port] = [sourcePortOf(view), destinationPort(view)];
  const isFromClient = isVirtual !== isSent;
  return isFromClient
    ? {
        isVirtual,
        client: source,
        clientPort: sourcePort,
        other: destination,
        otherPort: port,
        isError: false,
      }
    : {
        isVirtual,
        client: destination,
        clientPort: port,
        other: source,
        otherPort: sourcePort,
        isError: false,
      };
}

function sourcePortOf(view: PacketView): number {
  return view.segment === 0 ? UNKNOWN_PORT : view.sourcePort;
}

function destinationPort(view: PacketView): number {
  return view.segment === 0 ? UNKNOWN_PORT : view.destinationPort;
}

/** The packet that an ICMP error quotes went the other way. */
function endsOfError(
  { memory, ip, isFragment, destination }: PacketView,
  state: State,
): Ends | null {
  const message = ip + ipv4.headerBytes(memory, ip);
  const bytes = ip + ipv4.totalLength(memory, ip) - message;
  if (isFragment || bytes < icmp.ICMP_HEADER_BYTES || !icmp.isError(memory[message])) return null;
  const quoted = quotedTcpPacket(memory, ip);
  if (quoted === 0) return null;
  const segment = quoted + ipv4.headerBytes(memory, quoted);
  const from = { address: ipv4.source(memory, quoted), port: tcp.sourcePort(memory, segment) };
  const to = {
    address: ipv4.destination(memory, quoted),
    port: tcp.destinationPort(memory, segment),
  };
  const isVirtual = state.routes.isLocal(destination) || isOurs(from.address, from.port, state);
  const [client, other] = isVirtual ? [to, from] : [from, to];
  return {
    isVirtual,
    client: client.address,
    clientPort: client.port,
    other: other.address,
    otherPort: other.port,
    isError: true,
  };
}
