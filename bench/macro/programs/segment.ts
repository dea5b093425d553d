/**
 * The small packets: TCP segments in frames of 60 bytes, the least that Ethernet has.
 *
 *     0             14                 34               54               58       60
 *     +-------------+------------------+----------------+----------------+--------+
 *     | Ethernet    | IPv4, marked     | TCP            | number, 32 bit | zeros  |
 *     +-------------+------------------+----------------+----------------+--------+
 *
 * The mark is a type of service that nothing else in the lab uses; hosts let marked packets go no further than
 * to the program that counts them.
 */
import { write16, write32 } from '../../../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../../dataplane/wire/checksum.js';
import { writeHeader } from '../../../dataplane/wire/ipv4.js';

export const MARK = 0x20;
export const ETHERTYPE_IPV4 = 0x0800;
export const IP = 14;
export const TCP = 34;
export const NUMBER = 54;
export const FRAME_BYTES = 60;
export const TCP_PROTOCOL = 6;

const TCP_HEADER_BYTES = 20;
const PAYLOAD_BYTES = FRAME_BYTES - NUMBER;
const TTL = 64;
const DONT_FRAGMENT = 0x4000;
const CHECKSUM = TCP + 16;

export interface Segment {
  sourceMac: readonly number[];
  destinationMac: readonly number[];
  /** int32 */
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
}

/** A frame with that header; a marked one also has a number, which is 0. */
export function buildFrame(segment: Segment, marked: boolean): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES);
  const payload = marked ? PAYLOAD_BYTES : 0;
  const { source, destination } = segment;
  frame.set(segment.destinationMac, 0);
  frame.set(segment.sourceMac, 6);
  write16(frame, 12, ETHERTYPE_IPV4);
  const total = TCP - IP + TCP_HEADER_BYTES + payload;
  const type = marked ? MARK : 0;
  writeHeader(frame, IP, type, total, 0, DONT_FRAGMENT, TTL, TCP_PROTOCOL, source, destination);
  write16(frame, TCP, segment.sourcePort);
  write16(frame, TCP + 2, segment.destinationPort);
  write32(frame, TCP + 4, segment.sequence);
  write32(frame, TCP + 8, segment.acknowledgment);
  frame[TCP + 12] = (TCP_HEADER_BYTES / 4) << 4;
  frame[TCP + 13] = segment.flags;
  write16(frame, TCP + 14, 0xffff);
  const length = TCP_HEADER_BYTES + payload;
  const pseudo = tcpPseudoSum(source, destination, length);
  write16(frame, CHECKSUM, ~fold(sumWords(frame, TCP, length, pseudo)));
  return frame;
}

/** Sum of the words of a marked frame's TCP part and pseudo-header, for `setNumber`. */
export function sumWithoutNumber(frame: Uint8Array): number {
  return ~((frame[CHECKSUM] << 8) | frame[CHECKSUM + 1]) & 0xffff;
}

/** Gives a marked frame its number; `sum` is what `sumWithoutNumber` said when it was 0. */
export function setNumber(frame: Uint8Array, number: number, sum: number): void {
  write32(frame, NUMBER, number);
  write16(frame, CHECKSUM, ~fold(sum + (number >>> 16) + (number & 0xffff)));
}
