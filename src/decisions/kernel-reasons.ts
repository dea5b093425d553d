/** Why the engine leaves a packet to the kernel: names for counting, sentences for people. */
import type { State } from '../../dataplane/state.js';
import * as ipv4 from '../../dataplane/wire/ipv4.js';
import * as tcp from '../../dataplane/wire/tcp.js';
import { ipv4ToText } from '../control/ipv4.js';
import type { PacketView } from './packet-view.js';

export const KERNEL_REASONS = {
  not_ipv4: 'no IPv4 packet',
  not_tcp: 'neither TCP nor ICMP',
  icmp: 'ICMP, but no error about a connection',
  no_service: 'no service for its destination',
  no_connection: 'of no connection, and not the beginning of one',
  server_alone: "a server's packet of no connection",
  not_concerned: 'neither to a virtual address nor from a real server',
  cannot_forward: "a connection's packet that can't be forwarded, its TTL or its size forbid it",
} as const;

export type KernelReason = keyof typeof KERNEL_REASONS;

/** Why the engine left this packet, as it found it, to the kernel. `hasConnection`: it knew one for it. */
export function kernelReason(view: PacketView, state: State, hasConnection: boolean): KernelReason {
  const { memory, ip } = view;
  if (ip === 0) return 'not_ipv4';
  const protocol = ipv4.protocol(memory, ip);
  if (protocol === ipv4.PROTOCOL_ICMP) return 'icmp';
  if (protocol !== ipv4.PROTOCOL_TCP) return 'not_tcp';
  if (hasConnection) return 'cannot_forward';
  if (!state.routes.isLocal(view.destination)) {
    if (view.segment === 0) return 'not_concerned';
    const isServers = state.realEndpoints.has(view.source, view.sourcePort);
    return isServers ? 'server_alone' : 'not_concerned';
  }
  if (view.segment === 0) return 'no_connection';
  const service = state.services.lookup(protocol, view.destination, view.destinationPort);
  return service === 0 ? 'no_service' : 'no_connection';
}

/** The reason in words about this packet. */
export function explainKernelReason(reason: KernelReason, view: PacketView): string {
  if (reason === 'no_service' && view.segment !== 0) {
    return `no service for ${ipv4ToText(view.destination)}:${view.destinationPort}`;
  }
  if (reason === 'no_connection' && view.segment !== 0) {
    const isReset = (view.tcpFlags & tcp.RST) !== 0;
    return isReset ? 'a reset of no connection' : 'of no connection, and no SYN';
  }
  return KERNEL_REASONS[reason];
}
