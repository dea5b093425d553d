/**
 * IPv4 (RFC 791):
 *
 *      0       1       2               4               6               8       9       10
 *     +-------+-------+---------------+---------------+---------------+-------+-------+---------------+
 *     |ver|ihl|  TOS  | total length  |identification |fl| frag offset|  TTL  | proto | hdr checksum  |
 *     +-------+-------+---------------+---------------+---------------+-------+-------+---------------+
 *      12                              16                              20
 *     +-------------------------------+-------------------------------+------------- - - -
 *     |        source address         |      destination address      |  options, data
 *     +-------------------------------+-------------------------------+------------- - - -
 *
 * `ip` is the offset of the first byte of the header. Accessors are unchecked: `checkHeader` comes first.
 */
import { read16, read32, write16, write32 } from './bytes.js';
import { applyDifference, checksum, difference16, isChecksumValid } from './checksum.js';

export const IPV4_HEADER_BYTES = 20;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const FLAG_DONT_FRAGMENT = 0x4000;
export const FLAG_MORE_FRAGMENTS = 0x2000;
export const FRAGMENT_OFFSET_MASK = 0x1fff;

const HEADER_BYTES = IPV4_HEADER_BYTES;
const TOS = 1;
export const TOTAL_LENGTH = 2;
export const IDENTIFICATION = 4;
export const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

/** What `checkHeader` can find wrong. */
export const HEADER_OK = 0;
export const HEADER_TRUNCATED = 1;
export const HEADER_BAD = 2;

/**
 * Checks version, header length, total length against what was captured, and the header checksum. After
 * HEADER_OK the whole packet, as its total length says, lies within [ip, ip + available).
 */
export function checkHeader(memory: Uint8Array, ip: number, available: number): number {
  if (available < HEADER_BYTES) return HEADER_TRUNCATED;
  const headerBytes = (memory[ip] & 0x0f) << 2;
  if (memory[ip] >> 4 !== 4 || headerBytes < HEADER_BYTES) return HEADER_BAD;
  const total = read16(memory, ip + TOTAL_LENGTH);
  if (total < headerBytes) return HEADER_BAD;
  if (total > available) return HEADER_TRUNCATED;
  return isChecksumValid(memory, ip, headerBytes) ? HEADER_OK : HEADER_BAD;
}

export function headerBytes(memory: Uint8Array, ip: number): number {
  return (memory[ip] & 0x0f) << 2;
}

export function tos(memory: Uint8Array, ip: number): number {
  return memory[ip + TOS];
}

export function totalLength(memory: Uint8Array, ip: number): number {
  return read16(memory, ip + TOTAL_LENGTH);
}

export function identification(memory: Uint8Array, ip: number): number {
  return read16(memory, ip + IDENTIFICATION);
}

/** Flags and fragment offset as one 16-bit field. */
export function fragmentField(memory: Uint8Array, ip: number): number {
  return read16(memory, ip + FRAGMENT);
}

export function timeToLive(memory: Uint8Array, ip: number): number {
  return memory[ip + TTL];
}

export function protocol(memory: Uint8Array, ip: number): number {
  return memory[ip + PROTOCOL];
}

export function source(memory: Uint8Array, ip: number): number {
  return read32(memory, ip + SOURCE);
}

export function destination(memory: Uint8Array, ip: number): number {
  return read32(memory, ip + DESTINATION);
}

/** Offset of the source address field, for edits that account for the checksum themselves. */
export function sourceOffset(ip: number): number {
  return ip + SOURCE;
}

export function destinationOffset(ip: number): number {
  return ip + DESTINATION;
}

/** One less TTL, header checksum updated. The TTL must be > 0. */
export function decrementTtl(memory: Uint8Array, ip: number): void {
  const before = read16(memory, ip + TTL);
  memory[ip + TTL]--;
  applyDifference(memory, ip + CHECKSUM, difference16(before, before - 0x100));
}

/** Applies a sum of differences (wire/checksum.ts) to the header checksum. */
export function adjustHeaderChecksum(memory: Uint8Array, ip: number, difference: number): void {
  applyDifference(memory, ip + CHECKSUM, difference);
}

/**
 * Writes a header without options; its checksum included. `total` is the packet's length in bytes,
 * `fragment` the flags and fragment offset field.
 */
export function writeHeader(
  memory: Uint8Array,
  ip: number,
  typeOfService: number,
  total: number,
  identification: number,
  fragment: number,
  ttl: number,
  protocolNumber: number,
  sourceAddress: number,
  destinationAddress: number,
): void {
  memory[ip] = 0x45;
  memory[ip + TOS] = typeOfService;
  write16(memory, ip + TOTAL_LENGTH, total);
  write16(memory, ip + IDENTIFICATION, identification);
  write16(memory, ip + FRAGMENT, fragment);
  memory[ip + TTL] = ttl;
  memory[ip + PROTOCOL] = protocolNumber;
  write32(memory, ip + SOURCE, sourceAddress);
  write32(memory, ip + DESTINATION, destinationAddress);
  updateHeaderChecksum(memory, ip);
}

/** Computes the header checksum anew. */
export function updateHeaderChecksum(memory: Uint8Array, ip: number): void {
  write16(memory, ip + CHECKSUM, 0);
  write16(memory, ip + CHECKSUM, checksum(memory, ip, headerBytes(memory, ip)));
}
