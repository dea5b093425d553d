/**
 * Frames of a flood: one built with care, then stamped again and again with another sender. Checksums are right:
 * the sums of what doesn't change are kept, the rest is added.
 */
import { write16, write32 } from '../../../dataplane/wire/bytes.js';
import { difference16, fold } from '../../../dataplane/wire/checksum.js';
import { FLAG_DONT_FRAGMENT, FLAG_MORE_FRAGMENTS } from '../../../dataplane/wire/ipv4.js';
import { buildFrame, FRAME_BYTES, IP, TCP, type Segment } from '../../macro/programs/segment.js';

const IDENTIFICATION = IP + 4;
const FRAGMENT = IP + 6;
const IP_CHECKSUM = IP + 10;
const SOURCE = IP + 12;
const SOURCE_PORT = TCP;
const SEQUENCE = TCP + 4;
const ACKNOWLEDGMENT = TCP + 8;
const TCP_CHECKSUM = TCP + 16;

export type Receiver = Pick<
  Segment,
  'sourceMac' | 'destinationMac' | 'destination' | 'destinationPort'
>;

export class Stamp {
  /** A frame of 60 bytes, as it was stamped last. */
  readonly frame: Uint8Array;
  private readonly ipSum: number;
  private readonly tcpSum: number;

  /** @param isFirstFragment a packet whose other fragments will never come */
  constructor(receiver: Receiver, tcpFlags: number, isFirstFragment = false) {
    const nobody = { source: 0, sourcePort: 0, sequence: 0, acknowledgment: 0 };
    this.frame = buildFrame({ ...receiver, ...nobody, flags: tcpFlags }, false);
    this.tcpSum = this.complementAt(TCP_CHECKSUM);
    const fragment = isFirstFragment ? FLAG_MORE_FRAGMENTS : FLAG_DONT_FRAGMENT;
    this.ipSum = this.complementAt(IP_CHECKSUM) + difference16(FLAG_DONT_FRAGMENT, fragment);
    write16(this.frame, FRAGMENT, fragment);
  }

  /** All int32, `port` and `identification` 16 bits. */
  stamp(
    source: number,
    port: number,
    sequence: number,
    acknowledgment: number,
    identification: number,
  ): void {
    const { frame } = this;
    const sourceSum = words(source);
    write16(frame, IDENTIFICATION, identification);
    write32(frame, SOURCE, source);
    write16(frame, IP_CHECKSUM, ~fold(this.ipSum + identification + sourceSum));
    write16(frame, SOURCE_PORT, port);
    write32(frame, SEQUENCE, sequence);
    write32(frame, ACKNOWLEDGMENT, acknowledgment);
    const sum = this.tcpSum + sourceSum + port + words(sequence) + words(acknowledgment);
    write16(frame, TCP_CHECKSUM, ~fold(sum));
  }

  private complementAt(offset: number): number {
    return ~((this.frame[offset] << 8) | this.frame[offset + 1]) & 0xffff;
  }
}

export { FRAME_BYTES };

function words(value: number): number {
  return (value >>> 16) + (value & 0xffff);
}
