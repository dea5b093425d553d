/** ICMP errors the director itself sends, made as Linux makes them (net/ipv4/icmp.c). */
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, writeEthertype } from '../wire/ethernet.js';
import { ICMP_HEADER_BYTES, writeErrorHeader } from '../wire/icmp.js';
import * as ipv4 from '../wire/ipv4.js';

/** RFC 1812, 4.3.2.3: an error is at most this long, so that it needn't be fragmented anywhere. */
const ERROR_MAX_BYTES = 576;
const QUOTE_MAX_BYTES = ERROR_MAX_BYTES - ipv4.IPV4_HEADER_BYTES - ICMP_HEADER_BYTES;
const TTL = 64;
const TOS_MASK = 0x1e;
const PRECEDENCE_INTERNETWORK_CONTROL = 0xc0;

/** Room that a frame with an error needs. */
export const ERROR_FRAME_BYTES = ETHERNET_HEADER_BYTES + ERROR_MAX_BYTES;

/** Length of the frame with an ICMP error about the packet at `ip`. */
export function icmpErrorFrameBytes(memory: Uint8Array, ip: number): number {
  return ERROR_FRAME_BYTES - QUOTE_MAX_BYTES + quotedBytes(memory, ip);
}

function quotedBytes(memory: Uint8Array, ip: number): number {
  const total = ipv4.totalLength(memory, ip);
  return total < QUOTE_MAX_BYTES ? total : QUOTE_MAX_BYTES;
}

/**
 * Builds an Ethernet frame at `at` with an ICMP error about the packet at `ip`, addressed to its sender; the
 * MAC addresses are left to the caller.
 * @param mtu next-hop MTU for "fragmentation needed", else 0
 */
export function buildIcmpError(
  out: Uint8Array,
  at: number,
  memory: Uint8Array,
  ip: number,
  type: number,
  code: number,
  mtu: number,
  sourceAddress: number,
  identification: number,
): void {
  const quoted = quotedBytes(memory, ip);
  const icmp = at + ETHERNET_HEADER_BYTES + ipv4.IPV4_HEADER_BYTES;
  const quote = icmp + ICMP_HEADER_BYTES;
  for (let i = 0; i < quoted; i++) out[quote + i] = memory[ip + i];
  writeErrorHeader(out, icmp, type, code, mtu, ICMP_HEADER_BYTES + quoted);
  ipv4.writeHeader(
    out,
    at + ETHERNET_HEADER_BYTES,
    (ipv4.tos(memory, ip) & TOS_MASK) | PRECEDENCE_INTERNETWORK_CONTROL,
    ipv4.IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + quoted,
    identification,
    0,
    TTL,
    ipv4.PROTOCOL_ICMP,
    sourceAddress,
    ipv4.source(memory, ip),
  );
  writeEthertype(out, at, ETHERTYPE_IPV4);
}
