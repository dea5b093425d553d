/**
 * TCP (RFC 9293):
 *
 *      0               2               4                               8
 *     +---------------+---------------+-------------------------------+-------------------------------+
 *     |  source port  |   dest port   |        sequence number        |     acknowledgment number     |
 *     +---------------+---------------+-------------------------------+-------------------------------+
 *      12      13      14              16              18              20
 *     +-------+-------+---------------+---------------+---------------+------------- - - -
 *     |doff|  | flags |    window     |   checksum    |  urgent ptr   |  options, data
 *     +-------+-------+---------------+---------------+---------------+------------- - - -
 *
 * `tcp` is the offset of the first byte of the header; at least TCP_HEADER_BYTES must be there.
 */
import { read16, read32, write32 } from './bytes.js';

export const TCP_HEADER_BYTES = 20;
/** The ports: what ip_vs needs of a TCP header, also of one that is quoted in an ICMP error. */
export const TCP_PORTS_BYTES = 4;
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const CWR = 0x80;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const DATA_OFFSET = 12;
const FLAGS = 13;
const CHECKSUM = 16;

export function sourcePort(memory: Uint8Array, tcp: number): number {
  return read16(memory, tcp + SOURCE_PORT);
}

export function destinationPort(memory: Uint8Array, tcp: number): number {
  return read16(memory, tcp + DESTINATION_PORT);
}

export function sequence(memory: Uint8Array, tcp: number): number {
  return read32(memory, tcp + SEQUENCE);
}

export function writeSequence(memory: Uint8Array, tcp: number, value: number): void {
  write32(memory, tcp + SEQUENCE, value);
}

export function flags(memory: Uint8Array, tcp: number): number {
  return memory[tcp + FLAGS];
}

/** The checksum isn't updated. */
export function writeFlags(memory: Uint8Array, tcp: number, value: number): void {
  memory[tcp + FLAGS] = value;
}

/** Length of the header as its data offset says; not checked against anything. */
export function headerBytes(memory: Uint8Array, tcp: number): number {
  return (memory[tcp + DATA_OFFSET] >> 4) << 2;
}

export function sourcePortOffset(tcp: number): number {
  return tcp + SOURCE_PORT;
}

export function destinationPortOffset(tcp: number): number {
  return tcp + DESTINATION_PORT;
}

export function checksumOffset(tcp: number): number {
  return tcp + CHECKSUM;
}
