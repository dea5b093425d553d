/**
 * A driver that wraps another one and loses, duplicates, reorders, truncates and corrupts frames on their way
 * in and out, from a seed.
 *
 *     inner.receive -> FaultyLine -> receive        send, sendCopy -> FaultyLine -> inner.sendCopy
 */
import { Burst, BURST_MAX, type Driver } from './driver.js';
import { type FaultCounts, type FaultRates, FaultyLine } from './faultyline.js';
import type { PortStats } from './stats.js';

export interface FaultDriverOptions {
  seed: number;
  receive?: FaultRates;
  send?: FaultRates;
  /** Largest frame; larger ones are lost and counted as dropped. */
  frameBytes?: number;
}

/** A 64 KB super-segment with its headers. */
const DEFAULT_FRAME_BYTES = 65_664;
const LINE_SLOTS = 4 * BURST_MAX;

export class FaultDriver implements Driver {
  readonly name: string;
  readonly memory: Uint8Array;
  private readonly arriving: FaultyLine;
  private readonly leaving: FaultyLine;
  /** The inner driver's burst, borrowed for as long as ours is, so that its frames can be handed back. */
  private readonly innerBurst = new Burst();
  private borrowed = 0;

  constructor(
    private readonly inner: Driver,
    options: FaultDriverOptions,
  ) {
    this.name = `fault(${inner.name})`;
    const frameBytes = options.frameBytes ?? DEFAULT_FRAME_BYTES;
    this.arriving = new FaultyLine(options.seed, options.receive ?? {}, LINE_SLOTS, frameBytes);
    this.leaving = new FaultyLine(~options.seed, options.send ?? {}, LINE_SLOTS, frameBytes);
    this.memory = this.arriving.ready.memory;
  }

  /** What happened to frames on their way in and out. */
  get faults(): { received: FaultCounts; sent: FaultCounts } {
    return { received: this.arriving.counts, sent: this.leaving.counts };
  }

  receive(burst: Burst): number {
    const ring = this.arriving.ready;
    // What is left of an earlier burst goes first, so that the line never overflows.
    if (ring.count < BURST_MAX) this.receiveInner();
    const count = Math.min(ring.count, BURST_MAX);
    for (let i = 0; i < count; i++) {
      const slot = ring.slot(i);
      burst.port[i] = ring.port[slot];
      burst.offset[i] = slot * ring.slotBytes;
      burst.length[i] = ring.length[slot];
      burst.offload[i] = ring.offload[slot];
      burst.slot[i] = this.arriving.note[slot];
    }
    burst.count = count;
    this.borrowed = count;
    return count;
  }

  send(burst: Burst, index: number, port: number): void {
    const length = burst.length[index];
    this.leave(this.memory, burst.offset[index], length, burst.offload[index], port);
  }

  sendCopy(bytes: Uint8Array, offset: number, length: number, offload: number, port: number): void {
    this.leave(bytes, offset, length, offload, port);
  }

  /** A frame that came late or twice isn't the inner driver's any more: the host doesn't get it. */
  handBack(burst: Burst, index: number): void {
    const innerIndex = burst.slot[index];
    if (innerIndex >= 0) this.inner.handBack(this.innerBurst, innerIndex);
    else this.arriving.counts.dropped += 1;
  }

  flush(): void {
    this.leaving.releaseLate();
    this.forward();
    this.inner.flush();
  }

  release(burst: Burst): void {
    this.arriving.ready.drop(this.borrowed);
    this.arriving.forgetNotes();
    this.borrowed = 0;
    burst.count = 0;
    this.inner.release(this.innerBurst);
  }

  stats(port: number): PortStats {
    return this.inner.stats(port);
  }

  close(): void {
    this.inner.close();
  }

  private receiveInner(): void {
    const line = this.arriving;
    const from = this.innerBurst;
    const came = this.inner.receive(from);
    for (let i = 0; i < came; i++) {
      line.enter(
        this.inner.memory,
        from.offset[i],
        from.length[i],
        from.port[i],
        from.offload[i],
        i,
      );
    }
    if (came === 0) line.releaseLate();
  }

  private leave(
    from: Uint8Array,
    offset: number,
    length: number,
    offload: number,
    port: number,
  ): void {
    if (!this.leaving.hasRoom) this.forward();
    this.leaving.enter(from, offset, length, port, offload, 0);
  }

  private forward(): void {
    const ring = this.leaving.ready;
    for (let i = 0; i < ring.count; i++) {
      const slot = ring.slot(i);
      this.inner.sendCopy(
        ring.bytes[slot],
        0,
        ring.length[slot],
        ring.offload[slot],
        ring.port[slot],
      );
    }
    ring.drop(ring.count);
  }
}
