/**
 * How large the segments of a connection may be. A super-segment doesn't say what its segments are, so it is cut to
 * what fits through the network it leaves by, or to less where less is known:
 *
 *     a SYN's maximum segment size                  what the other end may send to this one
 *     "fragmentation needed" (ICMP 3, 4), its MTU   what fits through to the end that the packet was for
 *
 * Only what is less than the MTU of the network it was seen in allows is kept, so almost always there is nothing
 * here. The table is of a fixed size; what is driven out is learned anew from the next ICMP error.
 */
import { read16, read32 } from '../../wire/bytes.js';
import { ipv4FrameHeaderBytes } from '../../wire/ethernet.js';
import * as icmp from '../../wire/icmp.js';
import * as ipv4 from '../../wire/ipv4.js';
import * as tcp from '../../wire/tcp.js';

const ENTRIES = 16_384;
/** Addresses of source and destination, ports, size. */
const ENTRY_WORDS = 4;
const SIZE = 3;
/** No network's segments are smaller (RFC 9293, 3.7.1: 536 is the default). */
const SIZE_MIN = 88;
const IP_HEADER_BYTES = ipv4.IPV4_HEADER_BYTES;
const HEADERS_BYTES = IP_HEADER_BYTES + tcp.TCP_HEADER_BYTES;
const OPTION_END = 0;
const OPTION_NO_OPERATION = 1;
const OPTION_SEGMENT_SIZE = 2;

export class SegmentSizes {
  private readonly words = new Int32Array(ENTRIES * ENTRY_WORDS);
  private used = 0;

  /** Payload that a segment may have on its way from source to destination, as an option-less header allows. */
  limit(source: number, destination: number, ports: number, otherwise: number): number {
    if (this.used === 0) return otherwise;
    const at = entryOf(source, destination, ports);
    const size = this.words[at + SIZE];
    return this.isFor(at, source, destination, ports) && size < otherwise ? size : otherwise;
  }

  /** Takes note of what the sender of a SYN takes. `ip`: a whole TCP packet. */
  learnFromSyn(memory: Uint8Array, ip: number, mtu: number): void {
    const segment = ip + ipv4.headerBytes(memory, ip);
    const size = segmentSizeOption(memory, segment);
    const source = ipv4.destination(memory, ip);
    const destination = ipv4.source(memory, ip);
    // As it will be in what is sent the other way.
    const ports = swapped(read32(memory, segment));
    this.forget(source, destination, ports);
    if (size < mtu - HEADERS_BYTES) this.keep(source, destination, ports, size);
  }

  /** Takes note of what fits, if the frame at memory[offset] is an ICMP error that says so. */
  learnFromError(memory: Uint8Array, offset: number, length: number): void {
    const linkBytes = ipv4FrameHeaderBytes(memory, offset, length);
    if (linkBytes === 0 || length < linkBytes + IP_HEADER_BYTES) return;
    const ip = offset + linkBytes;
    if (ipv4.protocol(memory, ip) !== ipv4.PROTOCOL_ICMP) return;
    const error = ip + ipv4.headerBytes(memory, ip);
    const quoted = error + icmp.ICMP_HEADER_BYTES;
    const end = offset + length;
    if (quoted + IP_HEADER_BYTES > end) return;
    if (memory[error] !== icmp.TYPE_UNREACHABLE) return;
    if (memory[error + 1] !== icmp.CODE_FRAGMENTATION_NEEDED) return;
    const segment = quoted + ipv4.headerBytes(memory, quoted);
    const isTcp = ipv4.protocol(memory, quoted) === ipv4.PROTOCOL_TCP;
    if (!isTcp || segment + tcp.TCP_PORTS_BYTES > end) return;
    const size = icmp.nextHopMtu(memory, error) - HEADERS_BYTES;
    const source = ipv4.source(memory, quoted);
    const destination = ipv4.destination(memory, quoted);
    const ports = read32(memory, segment);
    if (size >= SIZE_MIN && size < this.limit(source, destination, ports, 0xffff)) {
      this.keep(source, destination, ports, size);
    }
  }

  private keep(source: number, destination: number, ports: number, size: number): void {
    const at = entryOf(source, destination, ports);
    const { words } = this;
    if (words[at + SIZE] === 0) this.used += 1;
    words[at] = source;
    words[at + 1] = destination;
    words[at + 2] = ports;
    words[at + SIZE] = size < SIZE_MIN ? SIZE_MIN : size;
  }

  private forget(source: number, destination: number, ports: number): void {
    if (this.used === 0) return;
    const at = entryOf(source, destination, ports);
    if (!this.isFor(at, source, destination, ports)) return;
    this.words[at + SIZE] = 0;
    this.used -= 1;
  }

  private isFor(at: number, source: number, destination: number, ports: number): boolean {
    const { words } = this;
    return (
      words[at + SIZE] !== 0 &&
      words[at] === source &&
      words[at + 1] === destination &&
      words[at + 2] === ports
    );
  }
}

function entryOf(source: number, destination: number, ports: number): number {
  let hash = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b) ^ ports;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) & (ENTRIES - 1)) * ENTRY_WORDS;
}

function swapped(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}

/** The maximum segment size that a SYN announces; without the option it is 65 535, which limits nothing. */
function segmentSizeOption(memory: Uint8Array, segment: number): number {
  const end = segment + tcp.headerBytes(memory, segment);
  let at = segment + tcp.TCP_HEADER_BYTES;
  while (at + 1 < end && memory[at] !== OPTION_END) {
    if (memory[at] === OPTION_NO_OPERATION) {
      at += 1;
      continue;
    }
    if (memory[at] === OPTION_SEGMENT_SIZE && memory[at + 1] === 4 && at + 4 <= end) {
      return read16(memory, at + 2);
    }
    if (memory[at + 1] < 2) break;
    at += memory[at + 1];
  }
  return 0xffff;
}
