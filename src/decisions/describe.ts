/** Packets in a few words: who to whom, TCP flags, bytes of data. */
import { read16 } from '../../dataplane/wire/bytes.js';
import { isError } from '../../dataplane/wire/icmp.js';
import * as ipv4 from '../../dataplane/wire/ipv4.js';
import * as tcp from '../../dataplane/wire/tcp.js';
import { ipv4ToText } from '../control/ipv4.js';

const ETHERTYPE_OFFSET = 12;
const ETHERTYPES = new Map([
  [0x0806, 'ARP'],
  [0x86dd, 'IPv6'],
  [0x0800, 'malformed IPv4'],
]);
const PROTOCOL_UDP = 17;
const OFFSET_UNIT_BYTES = 8;
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [tcp.SYN, 'S'],
  [tcp.FIN, 'F'],
  [tcp.RST, 'R'],
  [0x08, 'P'],
  [tcp.ACK, '.'],
];

/** The frame at memory[offset], whose IPv4 header has been checked and starts at `ip`; 0 where it has none. */
export function describeFrame(
  memory: Uint8Array,
  offset: number,
  ip: number,
  length: number,
): string {
  if (ip !== 0) return describeIp(memory, ip);
  const type = read16(memory, offset + ETHERTYPE_OFFSET);
  return `${ETHERTYPES.get(type) ?? `Ethernet type 0x${type.toString(16)}`}, ${length} bytes`;
}

/** Like tcpdump: `10.1.0.2:4000 > 10.1.0.100:80 S 0`. The header has been checked. */
export function describeIp(memory: Uint8Array, ip: number): string {
  const source = ipv4ToText(ipv4.source(memory, ip));
  const destination = ipv4ToText(ipv4.destination(memory, ip));
  const protocol = ipv4.protocol(memory, ip);
  const body = ip + ipv4.headerBytes(memory, ip);
  const length = ip + ipv4.totalLength(memory, ip) - body;
  const fragment = ipv4.fragmentField(memory, ip);
  const offset = (fragment & ipv4.FRAGMENT_OFFSET_MASK) * OFFSET_UNIT_BYTES;
  const more = (fragment & ipv4.FLAG_MORE_FRAGMENTS) === 0 ? '' : '+';
  const piece = offset === 0 && more === '' ? '' : ` fragment ${offset}${more}`;
  const isTcp = protocol === ipv4.PROTOCOL_TCP;
  if (isTcp && offset === 0 && length >= tcp.TCP_HEADER_BYTES) {
    const ends = `${source}:${read16(memory, body)} > ${destination}:${read16(memory, body + 2)}`;
    return `${ends} ${flagLetters(memory, body)} ${length - tcp.headerBytes(memory, body)}${piece}`;
  }
  if (protocol === ipv4.PROTOCOL_ICMP && offset === 0 && length > 1) {
    const kind = isError(memory[body]) ? 'ICMP error' : 'ICMP';
    return `${source} > ${destination} ${kind} ${memory[body]}/${memory[body + 1]}${piece}`;
  }
  const name = isTcp ? 'TCP' : protocol === PROTOCOL_UDP ? 'UDP' : `protocol ${protocol}`;
  return `${source} > ${destination} ${name} ${length}${piece}`;
}

function flagLetters(memory: Uint8Array, segment: number): string {
  const flags = tcp.flags(memory, segment);
  return FLAG_LETTERS.map(([bit, letter]) => ((flags & bit) === 0 ? '' : letter)).join('') || '-';
}
