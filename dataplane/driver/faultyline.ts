/**
 * One direction of a faulty driver: frames enter, and leave lost, twice, late, shortened or damaged. Which is
 * decided by a seeded generator alone, so that a failing run can be run again.
 */
import { FrameRing } from './framering.js';
import { SeededRandom } from './random.js';

/** Probabilities from 0 to 1 for each frame. One frame can meet several faults. */
export interface FaultRates {
  drop?: number;
  duplicate?: number;
  /** Overtaken by one to eight later frames. */
  reorder?: number;
  /** Cut off at any length, also to nothing. */
  truncate?: number;
  /** One bit flipped. */
  corrupt?: number;
}

/** Frames that met each fault. */
export interface FaultCounts {
  dropped: number;
  duplicated: number;
  reordered: number;
  truncated: number;
  corrupted: number;
}

/** Most frames that are late at one time. */
const LATE_MAX = 8;
/** Most frames that overtake a late one. */
const OVERTAKEN_BY_MAX = 8;
const BITS_PER_BYTE = 8;

export class FaultyLine {
  readonly counts: FaultCounts = {
    dropped: 0,
    duplicated: 0,
    reordered: 0,
    truncated: 0,
    corrupted: 0,
  };
  /** What has come through; the reader drops it. */
  readonly ready: FrameRing;
  /** By slot of `ready`: the note the frame entered with, -1 for a frame that came late or twice. */
  readonly note: Int32Array;

  private readonly random: SeededRandom;
  private readonly late: FrameRing;
  private overtakersLeft = 0;

  constructor(
    seed: number,
    private readonly rates: FaultRates,
    slots: number,
    frameBytes: number,
  ) {
    for (const [fault, rate] of Object.entries(rates)) {
      if (!(rate >= 0 && rate <= 1)) throw new RangeError(`${fault}: ${rate} is no probability`);
    }
    this.random = new SeededRandom(seed);
    this.ready = new FrameRing(slots, frameBytes);
    this.late = new FrameRing(LATE_MAX, frameBytes);
    this.note = new Int32Array(slots);
  }

  /** True if a frame can enter and everything it may set free has room. */
  get hasRoom(): boolean {
    return this.ready.count + LATE_MAX + 2 <= this.ready.slots;
  }

  /** Lets a frame enter; `hasRoom` must hold. */
  enter(
    from: Uint8Array,
    offset: number,
    length: number,
    port: number,
    offload: number,
    note: number,
  ): void {
    if (this.happens(this.rates.drop)) {
      this.counts.dropped += 1;
      return;
    }
    if (this.late.count < LATE_MAX && this.happens(this.rates.reorder)) {
      this.counts.reordered += 1;
      if (this.late.count === 0) this.overtakersLeft = 1 + this.random.below(OVERTAKEN_BY_MAX);
      if (!this.late.push(from, offset, length, port, offload)) this.counts.dropped += 1;
      return;
    }
    this.pass(from, offset, length, port, offload, note);
    if (this.happens(this.rates.duplicate)) {
      this.counts.duplicated += 1;
      this.pass(from, offset, length, port, offload, -1);
    }
    this.overtakersLeft -= 1;
    if (this.late.count > 0 && this.overtakersLeft <= 0) this.releaseLate();
  }

  /** Lets the late frames through: nothing comes that could overtake them. */
  releaseLate(): void {
    for (let i = 0; i < this.late.count; i++) {
      const slot = this.late.slot(i);
      const start = slot * this.late.slotBytes;
      const port = this.late.port[slot];
      this.pass(this.late.memory, start, this.late.length[slot], port, this.late.offload[slot], -1);
    }
    this.late.drop(this.late.count);
  }

  /** Forgets the notes of the frames that are ready. */
  forgetNotes(): void {
    for (let i = 0; i < this.ready.count; i++) this.note[this.ready.slot(i)] = -1;
  }

  private pass(
    from: Uint8Array,
    offset: number,
    length: number,
    port: number,
    offload: number,
    note: number,
  ): void {
    let lengthLeft = length;
    if (this.happens(this.rates.truncate)) {
      this.counts.truncated += 1;
      lengthLeft = this.random.below(length + 1);
    }
    if (!this.ready.push(from, offset, lengthLeft, port, offload)) {
      this.counts.dropped += 1;
      return;
    }
    const slot = this.ready.slot(this.ready.count - 1);
    this.note[slot] = note;
    if (lengthLeft > 0 && this.happens(this.rates.corrupt)) {
      this.counts.corrupted += 1;
      const at = slot * this.ready.slotBytes + this.random.below(lengthLeft);
      this.ready.memory[at] ^= 1 << this.random.below(BITS_PER_BYTE);
    }
  }

  private happens(rate: number | undefined): boolean {
    return rate !== undefined && this.random.chance(rate);
  }
}
