/** Frames of the traffic that a director sees: segments both ways, ICMP errors about them, fragments. */
import { write16, write32 } from '../../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../dataplane/wire/checksum.js';
import { ETHERTYPE_VLAN, ipv4FrameHeaderBytes } from '../../dataplane/wire/ethernet.js';
import * as icmp from '../../dataplane/wire/icmp.js';
import * as ipv4 from '../../dataplane/wire/ipv4.js';
import type { Random } from '../../sim/random.js';
import { frameStep } from './steps.js';

const ETHERNET = 14;
const IP_HEADER = 20;
const TCP_HEADER = 20;
const FLAGS = [0x02, 0x02, 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x01, 0x04, 0x14, 0x00, 0x3f];
const TTLS = [64, 64, 64, 64, 2, 1, 0];
const PAYLOADS = [0, 0, 0, 1, 8, 100, 600, 1460, 1461, 1600];
const DONT_FRAGMENT = ipv4.FLAG_DONT_FRAGMENT;

/** Whose traffic it is. */
export interface Hosts {
  clients: number[];
  virtuals: number[];
  servers: number[];
  virtualPorts: number[];
  serverPorts: number[];
}

interface Ends {
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
}

/** One or a few frames that belong together, as steps of a session. */
export function randomFrames(hosts: Hosts, random: Random): Uint8Array[] {
  const fromServer = random.chance(0.4);
  const port = fromServer ? 1 : 0;
  const client = random.of(hosts.clients);
  const clientPort = 4000 + random.below(4);
  const virtual = { address: random.of(hosts.virtuals), port: random.of(hosts.virtualPorts) };
  const server = { address: random.of(hosts.servers), port: random.of(hosts.serverPorts) };
  const near = fromServer ? server : virtual;
  const ends = {
    source: fromServer ? near.address : client,
    sourcePort: fromServer ? near.port : clientPort,
    destination: fromServer ? client : near.address,
    destinationPort: fromServer ? clientPort : near.port,
  };
  switch (random.below(8)) {
    case 0:
      return [frameStep(port, 0, icmpError(ends, random))];
    case 1:
      return fragments(segment(ends, random)).map((frame) => frameStep(port, 0, frame));
    case 2:
      return [frameStep(port, 0, tagged(segment(ends, random)))];
    default:
      return [frameStep(port, random.chance(0.7) ? 0 : random.below(4), segment(ends, random))];
  }
}

/** A TCP segment with right checksums. */
export function segment(ends: Ends, random: Random): Uint8Array {
  const payload = random.of(PAYLOADS);
  const total = IP_HEADER + TCP_HEADER + payload;
  const frame = new Uint8Array(ETHERNET + total);
  write16(frame, 12, 0x0800);
  const fragment = random.chance(0.7) ? DONT_FRAGMENT : 0;
  const { source, destination } = ends;
  const id = random.below(16);
  ipv4.writeHeader(
    frame,
    ETHERNET,
    0,
    total,
    id,
    fragment,
    random.of(TTLS),
    6,
    source,
    destination,
  );
  const tcp = ETHERNET + IP_HEADER;
  write16(frame, tcp, ends.sourcePort);
  write16(frame, tcp + 2, ends.destinationPort);
  write32(frame, tcp + 4, random.int32());
  frame[tcp + 12] = 0x50;
  frame[tcp + 13] = random.of(FLAGS);
  const pseudo = tcpPseudoSum(source, destination, TCP_HEADER + payload);
  write16(frame, tcp + 16, ~fold(sumWords(frame, tcp, TCP_HEADER + payload, pseudo)));
  return frame;
}

/** An ICMP error about a segment that went the other way. */
function icmpError(ends: Ends, random: Random): Uint8Array {
  const about = segment(
    {
      source: ends.destination,
      sourcePort: ends.destinationPort,
      destination: ends.source,
      destinationPort: ends.sourcePort,
    },
    random,
  );
  const quoted = Math.min(about.length - ETHERNET, random.of([28, 28, 40, 24, 23, 20, 548]));
  const total = IP_HEADER + icmp.ICMP_HEADER_BYTES + quoted;
  const frame = new Uint8Array(ETHERNET + total);
  write16(frame, 12, 0x0800);
  ipv4.writeHeader(frame, ETHERNET, 0, total, 7, 0, 64, 1, ends.source, ends.destination);
  const message = ETHERNET + IP_HEADER;
  frame.set(about.subarray(ETHERNET, ETHERNET + quoted), message + icmp.ICMP_HEADER_BYTES);
  const type = random.of([
    icmp.TYPE_UNREACHABLE,
    icmp.TYPE_TIME_EXCEEDED,
    icmp.TYPE_SOURCE_QUENCH,
    8,
  ]);
  icmp.writeErrorHeader(frame, message, type, random.below(5), 1400, total - IP_HEADER);
  return frame;
}

/** The segment in two or more fragments. */
function fragments(frame: Uint8Array): Uint8Array[] {
  const payload = frame.subarray(ETHERNET + IP_HEADER);
  const size = payload.length > 200 ? 8 * Math.ceil(payload.length / 24) : 16;
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < payload.length; start += size) {
    const part = payload.subarray(start, start + size);
    const piece = new Uint8Array(ETHERNET + IP_HEADER + part.length);
    piece.set(frame.subarray(0, ETHERNET + IP_HEADER));
    piece.set(part, ETHERNET + IP_HEADER);
    const more = start + size < payload.length ? ipv4.FLAG_MORE_FRAGMENTS : 0;
    write16(piece, ETHERNET + ipv4.TOTAL_LENGTH, IP_HEADER + part.length);
    write16(piece, ETHERNET + ipv4.FRAGMENT, (start >> 3) | more);
    ipv4.updateHeaderChecksum(piece, ETHERNET);
    pieces.push(piece);
  }
  return pieces;
}

function tagged(frame: Uint8Array): Uint8Array {
  const longer = new Uint8Array(frame.length + 4);
  longer.set(frame.subarray(0, 12));
  write16(longer, 12, ETHERTYPE_VLAN);
  write16(longer, 14, 5);
  longer.set(frame.subarray(12), 16);
  return longer;
}

/** Makes header and ICMP checksums right, as far as there are any, so that a mutated frame gets further in. */
export function fixChecksums(frame: Uint8Array): void {
  const ip = ipv4FrameHeaderBytes(frame, 0, frame.length);
  if (ip === 0 || frame.length < ip + IP_HEADER) return;
  const headerBytes = ipv4.headerBytes(frame, ip);
  if (headerBytes < IP_HEADER || ip + headerBytes > frame.length) return;
  ipv4.updateHeaderChecksum(frame, ip);
  const messageBytes = ipv4.totalLength(frame, ip) - headerBytes;
  if (ipv4.protocol(frame, ip) !== ipv4.PROTOCOL_ICMP || messageBytes < icmp.ICMP_HEADER_BYTES)
    return;
  if (ip + headerBytes + messageBytes > frame.length) return;
  icmp.updateChecksum(frame, ip + headerBytes, messageBytes);
}
