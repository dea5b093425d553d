/** Packets to ask a server with: a SYN in a client's name, the RST that takes it back, an echo request. */
import { loadByte, loadHalf } from '../../../../dataplane/sys/bpf.js';
import { write16, write32 } from '../../../../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../../../dataplane/wire/checksum.js';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  MAC_BYTES,
  writeEthertype,
} from '../../../../dataplane/wire/ethernet.js';
import { ICMP_HEADER_BYTES, updateChecksum } from '../../../../dataplane/wire/icmp.js';
import {
  FLAG_DONT_FRAGMENT,
  IPV4_HEADER_BYTES,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  writeHeader,
} from '../../../../dataplane/wire/ipv4.js';
import {
  checksumOffset,
  TCP_HEADER_BYTES,
  writeFlags,
  writeSequence,
} from '../../../../dataplane/wire/tcp.js';

import { ETHERTYPE_OFFSET, type Condition } from './frame-socket.js';

export const IP = ETHERNET_HEADER_BYTES;
/** Of packets without IP options, as ours are. */
export const PAYLOAD = IP + IPV4_HEADER_BYTES;
const IP_PROTOCOL = IP + 9;
const TTL = 64;
const WINDOW = 1024;
const DATA_OFFSET = 12;
const WORDS_IN_HEADER = 0x50;
export const ECHO_REQUEST = 8;
export const ECHO_REPLY = 0;

/** From where to where, and by which MAC addresses; IPv4 addresses as int32. */
export interface Course {
  sourceMac: Uint8Array;
  destinationMac: Uint8Array;
  source: number;
  destination: number;
}

export interface Segment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  /** Bits of wire/tcp.ts. */
  flags: number;
}

/** What frames with such packets meet. */
export function isIpv4Of(protocol: number): Condition[] {
  return [
    { load: [loadHalf(ETHERTYPE_OFFSET)], value: ETHERTYPE_IPV4 },
    { load: [loadByte(IP_PROTOCOL)], value: protocol },
  ];
}

export function tcpFrame(course: Course, segment: Segment): Uint8Array {
  const frame = ipFrame(course, PROTOCOL_TCP, TCP_HEADER_BYTES);
  write16(frame, PAYLOAD, segment.sourcePort);
  write16(frame, PAYLOAD + 2, segment.destinationPort);
  writeSequence(frame, PAYLOAD, segment.sequence);
  frame[PAYLOAD + DATA_OFFSET] = WORDS_IN_HEADER;
  writeFlags(frame, PAYLOAD, segment.flags);
  write16(frame, PAYLOAD + 14, WINDOW);
  const pseudo = tcpPseudoSum(course.source, course.destination, TCP_HEADER_BYTES);
  const sum = fold(sumWords(frame, PAYLOAD, TCP_HEADER_BYTES, pseudo));
  write16(frame, checksumOffset(PAYLOAD), ~sum & 0xffff);
  return frame;
}

/** An echo request of `length` bytes from the IP header on, which must not be fragmented. */
export function echoFrame(course: Course, identifier: number, length: number): Uint8Array {
  const icmpBytes = Math.max(ICMP_HEADER_BYTES, length - IPV4_HEADER_BYTES);
  const frame = ipFrame(course, PROTOCOL_ICMP, icmpBytes);
  frame[PAYLOAD] = ECHO_REQUEST;
  write32(frame, PAYLOAD + 4, identifier << 16);
  updateChecksum(frame, PAYLOAD, icmpBytes);
  return frame;
}

function ipFrame(course: Course, protocol: number, payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(PAYLOAD + payloadBytes);
  frame.set(course.destinationMac, 0);
  frame.set(course.sourceMac, MAC_BYTES);
  writeEthertype(frame, 0, ETHERTYPE_IPV4);
  const total = IPV4_HEADER_BYTES + payloadBytes;
  const { source, destination } = course;
  writeHeader(frame, IP, 0, total, 0, FLAG_DONT_FRAGMENT, TTL, protocol, source, destination);
  return frame;
}
