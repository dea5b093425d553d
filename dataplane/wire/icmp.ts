/**
 * ICMP errors (RFC 792, RFC 1191):
 *
 *      0       1       2               4               6               8
 *     +-------+-------+---------------+---------------+---------------+---------------------- - - -
 *     | type  | code  |   checksum    |    unused     | next-hop MTU  | IP header and data of the
 *     +-------+-------+---------------+---------------+---------------+ packet that was in error
 *
 * `icmp` is the offset of the first byte of the header.
 */
import { read16, write16 } from './bytes.js';
import { checksum } from './checksum.js';

export const ICMP_HEADER_BYTES = 8;
export const TYPE_UNREACHABLE = 3;
export const TYPE_SOURCE_QUENCH = 4;
export const TYPE_TIME_EXCEEDED = 11;
export const CODE_PORT_UNREACHABLE = 3;
export const CODE_FRAGMENTATION_NEEDED = 4;
export const CODE_TTL_EXCEEDED = 0;

const CHECKSUM = 2;
const MTU = 6;

/** True for the errors that concern a connection: unreachable, source quench, time exceeded. */
export function isError(type: number): boolean {
  return type === TYPE_UNREACHABLE || type === TYPE_SOURCE_QUENCH || type === TYPE_TIME_EXCEEDED;
}

/** What fits through the next network, of a "fragmentation needed". */
export function nextHopMtu(memory: Uint8Array, icmp: number): number {
  return read16(memory, icmp + MTU);
}

/** Writes the header of an error whose quoted packet already stands behind it; checksum over all of it. */
export function writeErrorHeader(
  memory: Uint8Array,
  icmp: number,
  type: number,
  code: number,
  mtu: number,
  icmpLength: number,
): void {
  memory[icmp] = type;
  memory[icmp + 1] = code;
  write16(memory, icmp + 4, 0);
  write16(memory, icmp + MTU, mtu);
  updateChecksum(memory, icmp, icmpLength);
}

/** Computes the checksum over `icmpLength` bytes of ICMP header and data anew. */
export function updateChecksum(memory: Uint8Array, icmp: number, icmpLength: number): void {
  write16(memory, icmp + CHECKSUM, 0);
  write16(memory, icmp + CHECKSUM, checksum(memory, icmp, icmpLength));
}
