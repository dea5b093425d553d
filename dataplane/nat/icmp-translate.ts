/**
 * Translating ICMP errors about packets of a connection: the quoted packet is the one its sender knows.
 *
 *     outer IP | ICMP | quoted IP | first 4 bytes or more of quoted TCP
 *
 * The quoted TCP checksum is left as it is: nobody can verify it on a packet that was cut off.
 */
import { write16, write32 } from '../wire/bytes.js';
import { ICMP_HEADER_BYTES, updateChecksum } from '../wire/icmp.js';
import * as ipv4 from '../wire/ipv4.js';
import { destinationPortOffset, sourcePortOffset, TCP_PORTS_BYTES } from '../wire/tcp.js';

/**
 * Offset of the quoted IP header of the error at `ip`; 0 where what is quoted is not the beginning of a TCP
 * packet with its ports.
 */
export function quotedTcpPacket(memory: Uint8Array, ip: number): number {
  const end = ip + ipv4.totalLength(memory, ip);
  const quoted = ip + ipv4.headerBytes(memory, ip) + ICMP_HEADER_BYTES;
  if (quoted + ipv4.IPV4_HEADER_BYTES > end) return 0;
  if (memory[quoted] >> 4 !== 4 || ipv4.headerBytes(memory, quoted) < ipv4.IPV4_HEADER_BYTES) {
    return 0;
  }
  if (ipv4.protocol(memory, quoted) !== ipv4.PROTOCOL_TCP) return 0;
  if ((ipv4.fragmentField(memory, quoted) & ipv4.FRAGMENT_OFFSET_MASK) !== 0) return 0;
  const tcp = quoted + ipv4.headerBytes(memory, quoted);
  return tcp + TCP_PORTS_BYTES > end ? 0 : quoted;
}

/**
 * An error on its way from the client's side to the VIP, about a reply VIP -> client: now to the server,
 * about a reply server -> client.
 */
export function translateToServer(
  memory: Uint8Array,
  ip: number,
  quoted: number,
  server: number,
  serverPort: number,
): void {
  write32(memory, ipv4.destinationOffset(ip), server);
  write32(memory, ipv4.sourceOffset(quoted), server);
  const tcp = quoted + ipv4.headerBytes(memory, quoted);
  write16(memory, sourcePortOffset(tcp), serverPort);
  finish(memory, ip, quoted);
}

/**
 * An error from the servers' side about a packet client -> server: now from the VIP (whoever sent it),
 * about a packet client -> VIP.
 */
export function translateToClient(
  memory: Uint8Array,
  ip: number,
  quoted: number,
  virtual: number,
  virtualPort: number,
): void {
  write32(memory, ipv4.sourceOffset(ip), virtual);
  write32(memory, ipv4.destinationOffset(quoted), virtual);
  const tcp = quoted + ipv4.headerBytes(memory, quoted);
  write16(memory, destinationPortOffset(tcp), virtualPort);
  finish(memory, ip, quoted);
}

/** ip_vs computes all three checksums anew. */
function finish(memory: Uint8Array, ip: number, quoted: number): void {
  const headerBytes = ipv4.headerBytes(memory, ip);
  ipv4.updateHeaderChecksum(memory, ip);
  ipv4.updateHeaderChecksum(memory, quoted);
  updateChecksum(memory, ip + headerBytes, ipv4.totalLength(memory, ip) - headerBytes);
}
