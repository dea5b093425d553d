/**
 * One trace: what it wants, how much of it, and what was not fetched yet. Of more packets than it wants in a second it
 * takes the first ones: those that follow one another explain each other.
 */
import type { TracedPacket, TraceReport, TraceRequest } from '../../control/trace.js';
import { PacketFilter } from './filter.js';

/** Of packets that wait to be fetched. */
const BYTES_MAX = 8 << 20;
const PACKET_OVERHEAD_BYTES = 1024;
const SECOND_MS = 1000;

export class Trace {
  readonly filter: PacketFilter;
  readonly frameBytesMax: number;
  /** When it was last fetched from, in the milliseconds of its owner. */
  fetchedMs: number;
  private readonly ratePerSecond: number;
  private readonly countMax: number;
  private matched = 0;
  private leftOut = 0;
  private taken = 0;
  private takenInSecond = 0;
  private secondBeganMs = Number.NEGATIVE_INFINITY;
  private packets: TracedPacket[] = [];
  private bytes = 0;

  /** Throws ControlError as PacketFilter. */
  constructor(request: TraceRequest, nowMs: number) {
    this.filter = new PacketFilter(request.filter);
    this.frameBytesMax = request.frameBytesMax;
    this.ratePerSecond = request.ratePerSecond;
    this.countMax = request.countMax;
    this.fetchedMs = nowMs;
  }

  get isDone(): boolean {
    return this.countMax !== 0 && this.taken === this.countMax;
  }

  /** False where a packet at this time would be left out. */
  hasRoom(atMs: number): boolean {
    if (Math.abs(atMs - this.secondBeganMs) >= SECOND_MS) {
      this.secondBeganMs = atMs;
      this.takenInSecond = 0;
    }
    return this.takenInSecond < this.ratePerSecond && this.bytes < BYTES_MAX;
  }

  /**
   * A packet that matches.
   * @returns its number, and then `add` follows; 0 where it is left out
   */
  offer(atMs: number): number {
    this.matched++;
    if (!this.hasRoom(atMs)) {
      this.leftOut++;
      return 0;
    }
    this.takenInSecond++;
    return ++this.taken;
  }

  add(packet: TracedPacket): void {
    this.packets.push(packet);
    this.bytes += PACKET_OVERHEAD_BYTES + (packet.came?.bytes.length ?? 0);
    for (const frame of packet.sent) this.bytes += frame.bytes.length;
  }

  /** Hands over what there is. */
  fetch(nowMs: number): TraceReport {
    const { packets, matched, leftOut, isDone } = this;
    this.fetchedMs = nowMs;
    this.packets = [];
    this.bytes = 0;
    return { packets, matched, leftOut, isDone, isAnew: false };
  }
}
