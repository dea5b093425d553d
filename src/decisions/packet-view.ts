/** A packet that the engine is to decide about, as far as it has to be read to explain what is decided. */
import { ipv4FrameHeaderBytes } from '../../dataplane/wire/ethernet.js';
import * as ipv4 from '../../dataplane/wire/ipv4.js';
import * as tcp from '../../dataplane/wire/tcp.js';

const FRAGMENTED = ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK;

export interface PacketView {
  readonly memory: Uint8Array;
  /** Where the IPv4 header starts, 0 where the frame has none that is whole and right. */
  readonly ip: number;
  /** Where the TCP header starts, 0 where the packet isn't TCP with a whole header, or is a later fragment. */
  readonly segment: number;
  readonly isFragment: boolean;
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
}

/** The fields of a packet whose headers a subclass has found. */
export abstract class HeaderView implements PacketView {
  abstract readonly memory: Uint8Array;
  abstract readonly ip: number;
  abstract readonly segment: number;
  abstract readonly isFragment: boolean;

  get source(): number {
    return ipv4.source(this.memory, this.ip);
  }

  get destination(): number {
    return ipv4.destination(this.memory, this.ip);
  }

  get sourcePort(): number {
    return tcp.sourcePort(this.memory, this.segment);
  }

  get destinationPort(): number {
    return tcp.destinationPort(this.memory, this.segment);
  }

  get tcpFlags(): number {
    return tcp.flags(this.memory, this.segment);
  }
}

/** A frame where it lies: read it before the engine rewrites it. */
export class FrameView extends HeaderView {
  memory: Uint8Array = new Uint8Array(0);
  ip = 0;
  segment = 0;
  isFragment = false;

  /** Looks at the frame at memory[offset], which is whole. */
  look(memory: Uint8Array, offset: number, length: number): void {
    this.memory = memory;
    this.ip = this.segment = 0;
    this.isFragment = false;
    const linkBytes = ipv4FrameHeaderBytes(memory, offset, length);
    if (linkBytes === 0) return;
    const ip = offset + linkBytes;
    if (ipv4.checkHeader(memory, ip, length - linkBytes) !== ipv4.HEADER_OK) return;
    this.ip = ip;
    const fragment = ipv4.fragmentField(memory, ip);
    this.isFragment = (fragment & FRAGMENTED) !== 0;
    if (ipv4.protocol(memory, ip) !== ipv4.PROTOCOL_TCP) return;
    if ((fragment & ipv4.FRAGMENT_OFFSET_MASK) !== 0) return;
    const headerBytes = ipv4.headerBytes(memory, ip);
    if (ipv4.totalLength(memory, ip) < headerBytes + tcp.TCP_HEADER_BYTES) return;
    this.segment = ip + headerBytes;
  }
}
