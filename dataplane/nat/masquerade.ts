/**
 * Rewriting one end of a TCP packet in place, checksums adjusted and not recomputed: a packet that came
 * with a wrong checksum leaves with a wrong one (ip_vs_proto_tcp.c does the same).
 *
 *     client -> VIP     becomes  client -> server     rewriteDestination
 *     server -> client  becomes  VIP -> client        rewriteSource
 */
import { read16, read32, write16, write32 } from '../wire/bytes.js';
import {
  applyDifference,
  applyPartialDifference,
  difference16,
  difference32,
} from '../wire/checksum.js';
import { adjustHeaderChecksum, destinationOffset, sourceOffset } from '../wire/ipv4.js';
import { checksumOffset, destinationPortOffset, sourcePortOffset } from '../wire/tcp.js';

/** `isPartial`: the TCP checksum covers the pseudo-header only (virtio-net NEEDS_CSUM). */
export function rewriteDestination(
  memory: Uint8Array,
  ip: number,
  tcp: number,
  address: number,
  port: number,
  isPartial: boolean,
): void {
  rewriteEnd(
    memory,
    ip,
    tcp,
    destinationOffset(ip),
    destinationPortOffset(tcp),
    address,
    port,
    isPartial,
  );
}

export function rewriteSource(
  memory: Uint8Array,
  ip: number,
  tcp: number,
  address: number,
  port: number,
  isPartial: boolean,
): void {
  rewriteEnd(memory, ip, tcp, sourceOffset(ip), sourcePortOffset(tcp), address, port, isPartial);
}

function rewriteEnd(
  memory: Uint8Array,
  ip: number,
  tcp: number,
  addressAt: number,
  portAt: number,
  address: number,
  port: number,
  isPartial: boolean,
): void {
  const addressDifference = difference32(read32(memory, addressAt), address);
  const portDifference = difference16(read16(memory, portAt), port);
  write32(memory, addressAt, address);
  write16(memory, portAt, port);
  adjustHeaderChecksum(memory, ip, addressDifference);
  // A pseudo-header has addresses and no ports.
  if (isPartial) applyPartialDifference(memory, checksumOffset(tcp), addressDifference);
  else applyDifference(memory, checksumOffset(tcp), addressDifference + portDifference);
}
