/**
 * What the data plane measures of itself, beside the counters of services and servers: in one record of a region, so
 * that the director reads it without asking and it outlives the process. Doubles, in three parts:
 *
 *     0..6    bursts by size: up to 1, 2, 4 ... 64 frames
 *     7       frames in all of them
 *     8..24   first frames of bursts by the time they spent inside: up to 4 µs, 8 µs ... about 0.26 s
 *     25      longer than that
 *     26      seconds of all of them
 *     28..38  connections whose time was up, by TCP state
 *     39      templates whose time was up
 *
 * A burst's first frame waits longest for the others to be processed; the time is that from the kernel's stamp in the
 * receive ring until the whole burst was handed to the network.
 */
import { BURST_MAX } from './burst-size.js';
import { STATE_COUNT } from './conn/states.js';
import type { RecordLayout, Region } from './memory/region.js';

export const METERS_LAYOUT: RecordLayout = { kind: 8, version: 1, recordWords: 128 };

const RECORD = 1;
const BURST_BUCKETS = Math.log2(BURST_MAX) + 1;
const FRAMES = BURST_BUCKETS;
const FIRST_BUCKET_US = 4;
const TIME = 8;
const TIME_BUCKETS = 17;
const SECONDS = TIME + TIME_BUCKETS + 1;
const EXPIRED = 28;
const EXPIRED_TEMPLATES = EXPIRED + STATE_COUNT;
const LENGTH = EXPIRED_TEMPLATES + 1;
/** Longer than any frame waits: the clock was set meanwhile. */
const SECONDS_MAX = 60;

/** How often a value was at most so large, in buckets of their own; the last bucket takes the rest. */
export interface Histogram {
  /** Upper bounds, ascending. */
  bounds: number[];
  /** One more than there are bounds. */
  counts: number[];
  sum: number;
}

export class Meters {
  private readonly values: Float64Array;

  /** Throws RegionError where there is no memory. */
  constructor(region: Region) {
    region.require(RECORD);
    const { buffer, byteOffset } = region.words;
    const start = byteOffset + region.base(RECORD) * Int32Array.BYTES_PER_ELEMENT;
    this.values = new Float64Array(buffer, start, LENGTH);
  }

  /** A burst of 1 to BURST_MAX frames. */
  countBurst(frames: number): void {
    this.values[32 - Math.clz32(frames - 1)] += 1;
    this.values[FRAMES] += frames;
  }

  /** The first frame of a burst was inside so long. */
  countTime(seconds: number): void {
    if (!(seconds >= 0 && seconds < SECONDS_MAX)) return;
    const multiple = Math.ceil((seconds * 1e6) / FIRST_BUCKET_US);
    const bucket = multiple <= 1 ? 0 : 32 - Math.clz32(multiple - 1);
    this.values[TIME + (bucket < TIME_BUCKETS ? bucket : TIME_BUCKETS)] += 1;
    this.values[SECONDS] += seconds;
  }

  countExpired(tcpState: number): void {
    this.values[EXPIRED + tcpState] += 1;
  }

  countExpiredTemplate(): void {
    this.values[EXPIRED_TEMPLATES] += 1;
  }

  /** Frames in a burst. */
  get bursts(): Histogram {
    const counts = [...this.values.subarray(0, BURST_BUCKETS), 0];
    const bounds = Array.from({ length: BURST_BUCKETS }, (_, i) => 2 ** i);
    return { bounds, counts, sum: this.values[FRAMES] };
  }

  /** Seconds that first frames of bursts were inside. */
  get timeInside(): Histogram {
    const counts = [...this.values.subarray(TIME, TIME + TIME_BUCKETS + 1)];
    const bounds = Array.from({ length: TIME_BUCKETS }, (_, i) => (FIRST_BUCKET_US * 2 ** i) / 1e6);
    return { bounds, counts, sum: this.values[SECONDS] };
  }

  expired(tcpState: number): number {
    return this.values[EXPIRED + tcpState];
  }

  get expiredTemplates(): number {
    return this.values[EXPIRED_TEMPLATES];
  }

  /** Has measuring begin anew where a value is none that can have been. @returns how many there were */
  rebuild(): number {
    let damaged = 0;
    for (const [i, value] of this.values.entries()) {
      if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) continue;
      this.values[i] = 0;
      damaged++;
    }
    return damaged;
  }
}
