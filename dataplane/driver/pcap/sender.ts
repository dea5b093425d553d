/**
 * Makes of a frame what a wire takes, since libpcap can't pass on what is left to a network card: a partial checksum
 * is completed, a super-segment cut into segments.
 */
import { completeChecksum, Segmenter } from '../../fragments/segments.js';
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../../offload.js';
import { read32 } from '../../wire/bytes.js';
import { ipv4FrameHeaderBytes } from '../../wire/ethernet.js';
import * as ipv4 from '../../wire/ipv4.js';
import * as tcp from '../../wire/tcp.js';
import type { SegmentSizes } from './segment-sizes.js';

const PARTIAL = OFFLOAD_PARTIAL_CHECKSUM;
const GSO_SHIFT = OFFLOAD_GSO_SHIFT;
const IP_HEADER_BYTES = ipv4.IPV4_HEADER_BYTES;
const TCP_HEADER_BYTES = tcp.TCP_HEADER_BYTES;

/** MTU of the way to an address (int32) by a port. */
export type MtuTo = (address: number, port: number) => number;

/** Takes frames that are ready; they are its own only during the call. */
export interface FrameSink {
  send(frame: Uint8Array): void;
}

export class Sender {
  private readonly segmenter: Segmenter;
  /** What is ready at `room`, by its length. */
  private readonly ready: Uint8Array[] = [];

  /** Frames are read from `memory`; where `room` is in it they are made ready. */
  constructor(
    private readonly memory: Uint8Array,
    private readonly room: number,
    private readonly sizes: SegmentSizes,
    private readonly mtuTo: MtuTo,
  ) {
    this.segmenter = new Segmenter(memory);
  }

  /** Sends the frame at memory[offset]. With an offload word that isn't 0 it is a whole TCP packet. */
  send(offset: number, length: number, offload: number, port: number, outlet: FrameSink): void {
    const { memory } = this;
    if (offload === 0) {
      this.sendWhole(offset, length, outlet);
      return;
    }
    const ip = offset + ipv4FrameHeaderBytes(memory, offset, length);
    const segment = ip + ipv4.headerBytes(memory, ip);
    const payload = segment + tcp.headerBytes(memory, segment);
    const end = ip + ipv4.totalLength(memory, ip);
    if (offload >>> GSO_SHIFT !== 0) {
      const segmentBytes = this.segmentBytes(ip, segment, payload, port);
      if (end - payload > segmentBytes) {
        this.sendSegments(offset, ip, segmentBytes, outlet);
        return;
      }
    }
    if ((offload & PARTIAL) !== 0) completeChecksum(memory, ip, segment, end - segment);
    this.sendWhole(offset, length, outlet);
  }

  /** Most payload for a segment of this packet's connection. */
  private segmentBytes(ip: number, segment: number, payload: number, port: number): number {
    const { memory } = this;
    const destination = ipv4.destination(memory, ip);
    const mtu = this.mtuTo(destination, port);
    const source = ipv4.source(memory, ip);
    const ports = read32(memory, segment);
    const plain = mtu - IP_HEADER_BYTES - TCP_HEADER_BYTES;
    const limit = this.sizes.limit(source, destination, ports, plain);
    const optionBytes = payload - ip - IP_HEADER_BYTES - TCP_HEADER_BYTES;
    return limit > optionBytes ? limit - optionBytes : 1;
  }

  private sendSegments(offset: number, ip: number, segmentBytes: number, outlet: FrameSink): void {
    const { segmenter, room } = this;
    segmenter.begin(offset, ip, segmentBytes);
    for (;;) {
      const length = segmenter.next(room);
      if (length === 0) return;
      outlet.send(this.readyFrame(length));
    }
  }

  private sendWhole(offset: number, length: number, outlet: FrameSink): void {
    this.memory.copyWithin(this.room, offset, offset + length);
    outlet.send(this.readyFrame(length));
  }

  private readyFrame(length: number): Uint8Array {
    return (this.ready[length] ??= this.memory.subarray(this.room, this.room + length));
  }
}
