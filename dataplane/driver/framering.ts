/**
 * Frames in a fixed number of equal slots of one block of memory, first in, first out. Nothing is allocated
 * after construction.
 */
export class FrameRing {
  readonly memory: Uint8Array;
  /** By slot: the slot's bytes, and the frame's length, port and offload word. */
  readonly bytes: Uint8Array[] = [];
  readonly length: Int32Array;
  readonly port: Int32Array;
  readonly offload: Int32Array;
  private first = 0;
  private used = 0;

  constructor(
    readonly slots: number,
    readonly slotBytes: number,
  ) {
    this.memory = new Uint8Array(slots * slotBytes);
    for (let slot = 0; slot < slots; slot++) {
      this.bytes.push(this.memory.subarray(slot * slotBytes, (slot + 1) * slotBytes));
    }
    this.length = new Int32Array(slots);
    this.port = new Int32Array(slots);
    this.offload = new Int32Array(slots);
  }

  /** Frames in the ring. */
  get count(): number {
    return this.used;
  }

  /** Slot of the frame that is `index` behind the oldest one. */
  slot(index: number): number {
    const slot = this.first + index;
    return slot < this.slots ? slot : slot - this.slots;
  }

  /** Copies a frame in. False, with nothing changed, if the ring is full or the frame larger than a slot. */
  push(from: Uint8Array, offset: number, length: number, port: number, offload: number): boolean {
    if (this.used === this.slots || length > this.slotBytes) return false;
    const slot = this.slot(this.used);
    const to = slot * this.slotBytes;
    for (let i = 0; i < length; i++) this.memory[to + i] = from[offset + i];
    this.length[slot] = length;
    this.port[slot] = port;
    this.offload[slot] = offload;
    this.used += 1;
    return true;
  }

  /** Drops the oldest `count` frames, which must be there. */
  drop(count: number): void {
    this.first = this.slot(count);
    this.used -= count;
  }
}
