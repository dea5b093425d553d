/** IPv4 packets in one line for people, and what comparisons need to know of them. */
import { isChecksumValid, fold, sumWords, tcpPseudoSum } from '../../../dataplane/wire/checksum.js';
import { read16, read32, write16 } from '../../../dataplane/wire/bytes.js';
import { TYPE_UNREACHABLE } from '../../../dataplane/wire/icmp.js';
import * as ipv4 from '../../../dataplane/wire/ipv4.js';
import * as tcp from '../../../dataplane/wire/tcp.js';
import { ipv4ToText } from '../../control/ipv4.js';

const IDENTIFICATION_OFFSET = 4;
const FRAGMENT_OFFSET_MASK = 0x1fff;
const UDP_HEADER_BYTES = 8;
const ICMP_HEADER_BYTES = 8;
const IP_MIN_BYTES = 20;
const PROTOCOL_UDP = 17;
const CODE_PROTOCOL = 2;

/** TCP flags as letters, in the order they are usually written. */
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [tcp.SYN, 'S'],
  [tcp.FIN, 'F'],
  [tcp.RST, 'R'],
  [0x08, 'P'],
  [tcp.ACK, 'A'],
  [0x20, 'U'],
];

/** A packet without what link layers add behind it. */
export function withoutPadding(packet: Uint8Array): Uint8Array {
  if (packet.length < IP_MIN_BYTES || packet[0] >> 4 !== 4) return packet;
  const length = ipv4.totalLength(packet, 0);
  return length < packet.length ? packet.subarray(0, length) : packet;
}

/** A copy with the identification 0 and the header checksum right. */
export function withoutIdentification(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if (ipv4.checkHeader(copy, 0, copy.length) !== ipv4.HEADER_OK) return copy;
  write16(copy, IDENTIFICATION_OFFSET, 0);
  ipv4.updateHeaderChecksum(copy, 0);
  return copy;
}

/** Like `TCP 10.1.0.2:4000>10.1.0.100:80 S seq=1 ack=0 len=0`. */
export function describePacket(packet: Uint8Array): string {
  if (ipv4.checkHeader(packet, 0, packet.length) !== ipv4.HEADER_OK) {
    return `malformed, ${packet.length} bytes`;
  }
  return `${describePayload(packet)} ttl=${ipv4.timeToLive(packet, 0)}`;
}

function describePayload(packet: Uint8Array): string {
  const header = ipv4.headerBytes(packet, 0);
  const length = ipv4.totalLength(packet, 0) - header;
  const protocol = ipv4.protocol(packet, 0);
  const source = ipv4ToText(ipv4.source(packet, 0));
  const destination = ipv4ToText(ipv4.destination(packet, 0));
  const fragment = ipv4.fragmentField(packet, 0);
  const isFirst = (fragment & FRAGMENT_OFFSET_MASK) === 0;
  if (isFirst && protocol === ipv4.PROTOCOL_TCP && length >= tcp.TCP_HEADER_BYTES) {
    return `TCP ${ports(packet, header, source, destination)} ${describeTcp(packet, header, length)}`;
  }
  if (isFirst && protocol === PROTOCOL_UDP && length >= UDP_HEADER_BYTES) {
    return `UDP ${ports(packet, header, source, destination)} len=${length - UDP_HEADER_BYTES}`;
  }
  if (isFirst && protocol === ipv4.PROTOCOL_ICMP && length >= ICMP_HEADER_BYTES) {
    return `ICMP ${source}>${destination} ${describeIcmp(packet, header, length)}`;
  }
  const offset = (fragment & FRAGMENT_OFFSET_MASK) * 8;
  return `IP ${source}>${destination} proto=${protocol} len=${length} frag=${offset}`;
}

function ports(packet: Uint8Array, at: number, source: string, destination: string): string {
  return `${source}:${read16(packet, at)}>${destination}:${read16(packet, at + 2)}`;
}

function describeTcp(packet: Uint8Array, at: number, length: number): string {
  const flags = tcp.flags(packet, at);
  const letters = FLAG_LETTERS.map(([bit, letter]) => ((flags & bit) === 0 ? '' : letter)).join('');
  const payload = length - tcp.headerBytes(packet, at);
  const sequence = read32(packet, at + 4) >>> 0;
  const acknowledgement = read32(packet, at + 8) >>> 0;
  const wrong = isTcpChecksumValid(packet) ? '' : ' BADSUM';
  return `${letters || 'none'} seq=${sequence} ack=${acknowledgement} len=${payload}${wrong}`;
}

function describeIcmp(packet: Uint8Array, at: number, length: number): string {
  const kind = `type=${packet[at]} code=${packet[at + 1]}`;
  const wrong = isChecksumValid(packet, at, length) ? '' : ' BADSUM';
  const isError = [3, 4, 11, 12].includes(packet[at]);
  const quoted = packet.subarray(at + ICMP_HEADER_BYTES, at + length);
  if (!isError || quoted.length < IP_MIN_BYTES) return kind + wrong;
  return `${kind} {${describeQuoted(quoted)}}${wrong}`;
}

/** The quoted packet is usually cut off, so only what identifies it. */
function describeQuoted(quoted: Uint8Array): string {
  const header = ipv4.headerBytes(quoted, 0);
  const source = ipv4ToText(ipv4.source(quoted, 0));
  const destination = ipv4ToText(ipv4.destination(quoted, 0));
  if (quoted.length < header + 4) return `${source}>${destination}`;
  return ports(quoted, header, source, destination);
}

/** True if the TCP checksum of a whole packet is right. */
export function isTcpChecksumValid(packet: Uint8Array): boolean {
  const header = ipv4.headerBytes(packet, 0);
  const length = ipv4.totalLength(packet, 0) - header;
  if (header + length > packet.length) return false;
  const pseudo = tcpPseudoSum(ipv4.source(packet, 0), ipv4.destination(packet, 0), length);
  return fold(sumWords(packet, header, length, pseudo)) === 0xffff;
}

/** True for a whole TCP segment that a host without a listener answers with RST. */
export function isAnsweredByReset(packet: Uint8Array): boolean {
  if (ipv4.protocol(packet, 0) !== ipv4.PROTOCOL_TCP) return false;
  const fragment = ipv4.fragmentField(packet, 0);
  if ((fragment & (ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK)) !== 0) return false;
  const header = ipv4.headerBytes(packet, 0);
  const length = ipv4.totalLength(packet, 0) - header;
  if (length < tcp.TCP_HEADER_BYTES || !isTcpChecksumValid(packet)) return false;
  const tcpHeader = tcp.headerBytes(packet, header);
  if (tcpHeader < tcp.TCP_HEADER_BYTES || tcpHeader > length) return false;
  return (tcp.flags(packet, header) & tcp.RST) === 0;
}

/** True for the ICMP error that says that a host doesn't know a protocol. */
export function isProtocolUnreachable(packet: Uint8Array): boolean {
  const header = ipv4.headerBytes(packet, 0);
  const isIcmp = ipv4.protocol(packet, 0) === ipv4.PROTOCOL_ICMP;
  return isIcmp && packet[header] === TYPE_UNREACHABLE && packet[header + 1] === CODE_PROTOCOL;
}
