/** Frames of the engine's own making, one behind the other in memory that is reserved once. */
export class FrameQueue {
  readonly memory: Uint8Array;
  count = 0;
  /** Frame i: `length[i]` bytes of `memory` from `offset[i]` on. */
  readonly offset: Int32Array;
  readonly length: Int32Array;
  private usedBytes = 0;

  constructor(framesMax: number, bytesMax: number) {
    this.memory = new Uint8Array(bytesMax);
    this.offset = new Int32Array(framesMax);
    this.length = new Int32Array(framesMax);
  }

  clear(): void {
    this.count = 0;
    this.usedBytes = 0;
  }

  hasRoom(frames: number, bytes: number): boolean {
    return (
      this.count + frames <= this.offset.length && this.usedBytes + bytes <= this.memory.length
    );
  }

  /** Adds a frame of `bytes`, for which there must be room, and returns where it starts. */
  append(bytes: number): number {
    const at = this.usedBytes;
    this.offset[this.count] = at;
    this.length[this.count] = bytes;
    this.count++;
    this.usedBytes += bytes;
    return at;
  }

  copyIn(memory: Uint8Array, from: number, to: number, length: number): void {
    const own = this.memory;
    for (let i = 0; i < length; i++) own[to + i] = memory[from + i];
  }
}
