/**
 * Counters and rates of the whole director, of services and of destinations, with ip_vs's arithmetic
 * (net/netfilter/ipvs/ip_vs_est.c): what users read moves only every 2 seconds, when an estimator tick
 * publishes the live counters and folds them into exponentially weighted rates.
 *
 * One *block* of 32 doubles an object; the director's total is block 0:
 *
 *     0..4   live counters: connections, packets in, packets out, bytes in, bytes out
 *     5      of a destination: connections that ended with the client's SYN unanswered
 *     6..7   of a service: times its scheduler found a server, and found none
 *     8..12  published: the live counters as of the last tick
 *     16..20 baseline: what `zero` subtracts from the published ones
 *     24..28 rate accumulators: connections and packets in 1/1024, bytes in 1/32 per second
 *
 * Doubles count exactly up to 2^53, which takes a gigabit link two years to reach in bytes. Block b is record
 * b + 1 of a region, so that counters outlive the process.
 */
import type { RecordLayout, Region } from '../memory/region.js';

export const STATISTICS_LAYOUT: RecordLayout = { kind: 4, version: 1, recordWords: 64 };

const BLOCK = 32;
const UNANSWERED_SYNS = 5;
const SCHEDULED = 6;
const NOT_SCHEDULED = 7;
const PUBLISHED = 8;
const BASELINE = 16;
const RATE = 24;
const COUNTERS = 5;
const FIRST_BYTES_COUNTER = 3;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

export const CONNECTIONS = 0;
export const IN_PACKETS = 1;
export const OUT_PACKETS = 2;
export const IN_BYTES = 3;
export const OUT_BYTES = 4;
export const TOTAL_BLOCK = 0;

/** Ticks between two estimations of an object. */
export const ESTIMATION_TICKS = 200;

export class Statistics {
  private readonly values: Float64Array;

  constructor(private readonly region: Region) {
    const { buffer, byteOffset, length } = region.words;
    const header = BLOCK * Float64Array.BYTES_PER_ELEMENT;
    this.values = new Float64Array(buffer, byteOffset + header, length / 2 - BLOCK);
    region.require(1 + TOTAL_BLOCK);
  }

  /** Makes sure of a block's memory; false where there is none. */
  reserve(block: number): boolean {
    return this.region.reserve(block + 1);
  }

  /** Has counting begin anew in blocks that hold what can't have been counted. @returns how many there were */
  rebuild(): number {
    let damaged = 0;
    for (let block = TOTAL_BLOCK; block < this.region.highWater; block++) {
      if (this.isSound(block * BLOCK)) continue;
      this.clear(block);
      damaged++;
    }
    return damaged;
  }

  private isSound(base: number): boolean {
    const values = this.values;
    for (let i = base + UNANSWERED_SYNS; i <= base + NOT_SCHEDULED; i++) {
      if (!(values[i] >= 0 && values[i] <= COUNT_MAX)) return false;
    }
    for (let i = base; i < base + COUNTERS; i++) {
      const published = values[i + PUBLISHED];
      const isInOrder = published >= values[i + BASELINE] && published <= values[i];
      if (!isInOrder || !(values[i] <= COUNT_MAX && values[i + BASELINE] >= 0)) return false;
      if (!(Math.abs(values[i + RATE]) <= COUNT_MAX)) return false;
    }
    return true;
  }

  countConnection(block: number): void {
    this.values[block * BLOCK + CONNECTIONS] += 1;
  }

  countIn(block: number, packets: number, bytes: number): void {
    this.values[block * BLOCK + IN_PACKETS] += packets;
    this.values[block * BLOCK + IN_BYTES] += bytes;
  }

  countOut(block: number, packets: number, bytes: number): void {
    this.values[block * BLOCK + OUT_PACKETS] += packets;
    this.values[block * BLOCK + OUT_BYTES] += bytes;
  }

  countUnansweredSyn(block: number): void {
    this.values[block * BLOCK + UNANSWERED_SYNS] += 1;
  }

  unansweredSyns(block: number): number {
    return this.values[block * BLOCK + UNANSWERED_SYNS];
  }

  /** A service's scheduler was asked for a server. */
  countDecision(block: number, hasFound: boolean): void {
    this.values[block * BLOCK + (hasFound ? SCHEDULED : NOT_SCHEDULED)] += 1;
  }

  scheduled(block: number): number {
    return this.values[block * BLOCK + SCHEDULED];
  }

  notScheduled(block: number): number {
    return this.values[block * BLOCK + NOT_SCHEDULED];
  }

  /** Publishes the live counters and updates the rates: once every two seconds for each block in use. */
  estimate(block: number): void {
    const values = this.values;
    const base = block * BLOCK;
    for (let i = 0; i < COUNTERS; i++) {
      const delta = values[base + i] - values[base + PUBLISHED + i];
      // Scaled by 2^10 (bytes 2^5) and divided by the period of 2 s.
      const rate = delta * (i < FIRST_BYTES_COUNTER ? 512 : 16);
      values[base + RATE + i] += Math.floor((rate - values[base + RATE + i]) / 4);
      values[base + PUBLISHED + i] = values[base + i];
    }
  }

  /** A published counter, as `--stats` shows it. */
  counter(block: number, which: number): number {
    const base = block * BLOCK;
    return this.values[base + PUBLISHED + which] - this.values[base + BASELINE + which];
  }

  /** A counter as it is, where `counter` is up to two seconds old. */
  live(block: number, which: number): number {
    const base = block * BLOCK;
    return this.values[base + which] - this.values[base + BASELINE + which];
  }

  /** A rate per second, as `--rate` shows it. */
  rate(block: number, which: number): number {
    const accumulated = this.values[block * BLOCK + RATE + which];
    return which < FIRST_BYTES_COUNTER
      ? Math.floor((accumulated + 0x1ff) / 1024)
      : Math.floor((accumulated + 0xf) / 32);
  }

  /** ipvsadm -Z: what has been published so far no longer shows, and rates start from 0. */
  zero(block: number): void {
    const base = block * BLOCK;
    for (let i = 0; i < COUNTERS; i++) {
      this.values[base + BASELINE + i] = this.values[base + PUBLISHED + i];
      this.values[base + RATE + i] = 0;
    }
  }

  /** A block that is taken for a new object. */
  clear(block: number): void {
    // Backwards: what is subtracted goes before what it is subtracted from, wherever this is cut short.
    for (let i = (block + 1) * BLOCK - 1; i >= block * BLOCK; i--) this.values[i] = 0;
  }
}
