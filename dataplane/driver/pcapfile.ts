/**
 * A driver on capture files: received are a file's packets as fast as they are asked for, sent frames are
 * written to another file with the time of the packet that was received last. Files are read in pieces, so
 * they may be larger than memory.
 */
import { openCapture } from './capture/open.js';
import type { CaptureReader } from './capture/reader.js';
import { PcapWriter } from './capture/writer.js';
import { type Burst, BURST_MAX, type Driver } from './driver.js';
import { noStats, type PortStats } from './stats.js';

export interface PcapFileOptions {
  /** A pcap or pcapng file. */
  input: string;
  /** A pcap file to be written; without it sent frames are only counted. */
  output?: string;
  /** Port of a capture's interface, which pcapng files number from 0; itself if not given. */
  portOfInterface?: (interfaceIndex: number) => number;
}

export class PcapFileDriver implements Driver {
  readonly name = 'pcapfile';
  readonly memory: Uint8Array;
  /** By slot of the burst: when the frame was captured, since the epoch, and its length before it was cut. */
  readonly seconds = new Float64Array(BURST_MAX);
  readonly nanoseconds = new Int32Array(BURST_MAX);
  readonly originalLength = new Int32Array(BURST_MAX);
  /** True once all packets were received. */
  ended = false;

  private readonly reader: CaptureReader;
  private readonly writer: PcapWriter | undefined;
  private readonly portOfInterface: (interfaceIndex: number) => number;
  private readonly statsByPort = new Map<number, PortStats>();
  private lastSeconds = 0;
  private lastNanoseconds = 0;

  /** Throws CaptureError where the input is no capture, and what the file system says. */
  constructor(options: PcapFileOptions) {
    this.reader = openCapture(options.input);
    this.memory = this.reader.memory;
    this.portOfInterface = options.portOfInterface ?? ((index) => index);
    try {
      this.writer = options.output === undefined ? undefined : new PcapWriter(options.output);
    } catch (error) {
      this.reader.close();
      throw error;
    }
  }

  /** Packets that weren't received: sent by the capturing host itself, or of an unknown link layer. */
  get passedOver(): number {
    return this.reader.passedOver;
  }

  /** Throws CaptureError where the file is damaged. */
  receive(burst: Burst): number {
    const { reader } = this;
    let count = 0;
    while (count < BURST_MAX && reader.next(count > 0)) {
      burst.port[count] = this.portOfInterface(reader.interfaceIndex);
      burst.offset[count] = reader.offset;
      burst.length[count] = reader.length;
      burst.offload[count] = 0;
      burst.slot[count] = count;
      this.seconds[count] = this.lastSeconds = reader.seconds;
      this.nanoseconds[count] = this.lastNanoseconds = reader.nanoseconds;
      this.originalLength[count] = reader.originalLength;
      this.counters(burst.port[count]).receivedFrames += 1;
      count += 1;
    }
    if (count === 0) this.ended = true;
    burst.count = count;
    return count;
  }

  send(burst: Burst, index: number, port: number): void {
    const time = burst.slot[index];
    this.counters(port).sentFrames += 1;
    this.writer?.write(
      this.memory,
      burst.offset[index],
      burst.length[index],
      this.seconds[time],
      this.nanoseconds[time],
    );
  }

  sendCopy(
    bytes: Uint8Array,
    offset: number,
    length: number,
    _offload: number,
    port: number,
  ): void {
    this.counters(port).sentFrames += 1;
    this.writer?.write(bytes, offset, length, this.lastSeconds, this.lastNanoseconds);
  }

  /** There is no host behind a file. */
  handBack(burst: Burst, index: number): void {
    this.counters(burst.port[index]).handedBackFrames += 1;
  }

  /** Sent frames are written in large pieces, the last one when the driver is closed. */
  flush(): void {}

  release(burst: Burst): void {
    burst.count = 0;
  }

  stats(port: number): PortStats {
    return { ...this.counters(port) };
  }

  close(): void {
    this.reader.close();
    this.writer?.close();
  }

  private counters(port: number): PortStats {
    let counters = this.statsByPort.get(port);
    if (counters === undefined) {
      counters = noStats();
      this.statsByPort.set(port, counters);
    }
    return counters;
  }
}
