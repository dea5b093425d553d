/** Segments as the endpoints send and read them, and what anyone sees of a frame on its way. */
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../dataplane/offload.js';
import { read16, read32, write16, write32 } from '../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../dataplane/wire/checksum.js';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  writeEthertype,
} from '../dataplane/wire/ethernet.js';
import * as ipv4 from '../dataplane/wire/ipv4.js';
import { ACK, FIN, RST, SYN } from '../dataplane/wire/tcp.js';
import { writePattern } from './pattern.js';

export const PSH = 0x08;
const HEADERS = ETHERNET_HEADER_BYTES + 40;
const IP = ETHERNET_HEADER_BYTES;
const TCP = IP + 20;
const WORD = 0xffff;

/** A frame on its way. `offload` as in dataplane/offload.ts. */
export interface Frame {
  bytes: Uint8Array;
  offload: number;
  /** Where it came in. */
  port: number;
  /** A bit of it was flipped on the way. */
  corrupted: boolean;
  /** A director that died may have been at work on it. */
  isRemains?: boolean;
}

export interface SegmentFields {
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
}

/** Payload out of a stream (pattern.ts). */
export interface Payload {
  stream: number;
  position: number;
  length: number;
  /** Segment size of a super-segment, 0 for an ordinary one. */
  pieceBytes: number;
}

/** A segment in a frame without MAC addresses; its checksum is partial where `isPartial`. */
export function makeSegment(
  fields: SegmentFields,
  payload: Payload | null,
  isPartial: boolean,
): Frame {
  const length = payload === null ? 0 : payload.length;
  const bytes = new Uint8Array(HEADERS + length);
  writeEthertype(bytes, 0, ETHERTYPE_IPV4);
  const { source, destination, sequence } = fields;
  const flag = ipv4.FLAG_DONT_FRAGMENT;
  ipv4.writeHeader(bytes, IP, 0, 40 + length, sequence & WORD, flag, 64, 6, source, destination);
  write16(bytes, TCP, fields.sourcePort);
  write16(bytes, TCP + 2, fields.destinationPort);
  write32(bytes, TCP + 4, sequence);
  write32(bytes, TCP + 8, fields.acknowledgment);
  bytes[TCP + 12] = 0x50;
  bytes[TCP + 13] = fields.flags;
  write16(bytes, TCP + 14, WORD);
  if (payload !== null) {
    writePattern(bytes, HEADERS, payload.stream, payload.position, payload.length);
  }
  write16(bytes, TCP + 16, tcpPseudoSum(source, destination, 20 + length));
  const frame = { bytes, offload: OFFLOAD_PARTIAL_CHECKSUM, port: 0, corrupted: false };
  if (payload !== null) frame.offload |= payload.pieceBytes << OFFLOAD_GSO_SHIFT;
  if (!isPartial) completeChecksum(frame);
  return frame;
}

/** Does what a network card does with a partial checksum. The frame must hold an undamaged TCP segment. */
export function completeChecksum(frame: Frame): void {
  const { bytes } = frame;
  const length = ipv4.totalLength(bytes, IP) - 20;
  write16(bytes, TCP + 16, ~fold(sumWords(bytes, TCP, length, 0)) & WORD);
  frame.offload &= ~OFFLOAD_PARTIAL_CHECKSUM;
}

/** What there is to see in a frame; one object is used again and again. */
export class View {
  /** 'tcp' where ports and flags could be read, 'icmp' for an ICMP message, else 'other'. */
  kind: 'tcp' | 'icmp' | 'other' = 'other';
  ip = 0;
  segment = 0;
  source = 0;
  sourcePort = 0;
  destination = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  payloadAt = 0;
  payloadBytes = 0;

  /** Reads a frame without options or VLAN tags, as all here are made. Nothing of it is trusted. */
  read(memory: Uint8Array, offset: number, length: number): this {
    this.kind = 'other';
    this.ip = offset + IP;
    if (length < HEADERS - 20 || read16(memory, offset + 12) !== ETHERTYPE_IPV4) return this;
    if (ipv4.checkHeader(memory, this.ip, length - IP) !== ipv4.HEADER_OK) return this;
    this.source = ipv4.source(memory, this.ip);
    this.destination = ipv4.destination(memory, this.ip);
    const protocol = ipv4.protocol(memory, this.ip);
    const total = ipv4.totalLength(memory, this.ip);
    this.segment = this.ip + ipv4.headerBytes(memory, this.ip);
    const left = this.ip + total - this.segment;
    if (protocol === ipv4.PROTOCOL_ICMP) this.kind = 'icmp';
    const fragment = ipv4.fragmentField(memory, this.ip);
    if (protocol !== ipv4.PROTOCOL_TCP || left < 20) return this;
    if ((fragment & ~ipv4.FLAG_DONT_FRAGMENT) !== 0) return this;
    this.kind = 'tcp';
    this.readSegment(memory, left);
    return this;
  }

  /** True where IP and TCP checksums are what a receiver accepts. */
  isIntact(memory: Uint8Array, offload: number): boolean {
    if (this.kind !== 'tcp') return false;
    const length = this.payloadAt + this.payloadBytes - this.segment;
    const pseudo = tcpPseudoSum(this.source, this.destination, length);
    if ((offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0) {
      return read16(memory, this.segment + 16) === pseudo;
    }
    return fold(sumWords(memory, this.segment, length, pseudo)) === WORD;
  }

  private readSegment(memory: Uint8Array, left: number): void {
    const at = this.segment;
    this.sourcePort = read16(memory, at);
    this.destinationPort = read16(memory, at + 2);
    this.sequence = read32(memory, at + 4);
    this.acknowledgment = read32(memory, at + 8);
    this.flags = memory[at + 13];
    const headerBytes = (memory[at + 12] >> 4) << 2;
    this.payloadAt = at + Math.min(Math.max(headerBytes, 20), left);
    this.payloadBytes = at + left - this.payloadAt;
  }
}

/** The reset a host answers a segment with that nobody expects (RFC 9293, 3.10.7.1). */
export function resetFor(view: View): Frame {
  const hasAck = (view.flags & ACK) !== 0;
  const marks = ((view.flags & SYN) !== 0 ? 1 : 0) + ((view.flags & FIN) !== 0 ? 1 : 0);
  return makeSegment(
    {
      source: view.destination,
      sourcePort: view.destinationPort,
      destination: view.source,
      destinationPort: view.sourcePort,
      sequence: hasAck ? view.acknowledgment : 0,
      acknowledgment: hasAck ? 0 : (view.sequence + view.payloadBytes + marks) | 0,
      flags: hasAck ? RST : RST | ACK,
    },
    null,
    false,
  );
}
