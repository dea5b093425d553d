/** Why the engine leaves a packet to the kernel: names for counting, sentences for people. */
import type { State } from '../../../../dataplane/state.js';
import * as ipv4 from '../../../../dataplane/wire/ipv4.js';
import * as tcp from '../../../../dataplane/wire/tcp.js';
import { ipv4ToText } from '../../../control/ipv4.js';
import type { Frame } from './frame.js';

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
export function kernelReason(frame: Frame, state: State, hasConnection: boolean): KernelReason {
  const { memory, ip } = frame;
  if (ip === 0) return 'not_ipv4';
  const protocol = ipv4.protocol(memory, ip);
  if (protocol === ipv4.PROTOCOL_ICMP) return 'icmp';
  if (protocol !== ipv4.PROTOCOL_TCP) return 'not_tcp';
  if (hasConnection) return 'cannot_forward';
  if (!state.routes.isLocal(frame.destination)) {
    if (frame.segment === 0) return 'not_concerned';
    const isServers = state.realEndpoints.has(frame.source, frame.sourcePort);
    return isServers ? 'server_alone' : 'not_concerned';
  }
  if (frame.segment === 0) return 'no_connection';
  const service = state.services.lookup(protocol, frame.destination, frame.destinationPort);
  return service === 0 ? 'no_service' : 'no_connection';
}

/** The reason in words about this packet. */
export function explainKernelReason(reason: KernelReason, frame: Frame): string {
  if (reason === 'no_service' && frame.segment !== 0) {
    return `no service for ${ipv4ToText(frame.destination)}:${frame.destinationPort}`;
  }
  if (reason === 'no_connection' && frame.segment !== 0) {
    const isReset = (frame.tcpFlags & tcp.RST) !== 0;
    return isReset ? 'a reset of no connection' : 'of no connection, and no SYN';
  }
  return KERNEL_REASONS[reason];
}
