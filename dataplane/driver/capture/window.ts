/**
 * A window on a file that is read from its beginning to its end: the bytes at hand, and the way to more. Reads
 * synchronously, in large pieces, and never holds more than the window.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const WINDOW_BYTES = 1 << 20;
/** Free bytes in front of the window's contents: an Ethernet header may be written before the first packet. */
const HEADROOM = 16;

/** Where a window's bytes come from. */
export interface ByteSource {
  /** Reads up to `count` bytes to memory[at] and returns how many; 0 at the end. */
  read(memory: Uint8Array, at: number, count: number): number;
  close(): void;
}

/** Throws what the file system says. */
export function fileSource(path: string): ByteSource {
  const file = openSync(path, 'r');
  return {
    read: (memory, at, count) => readSync(file, memory, at, count, null),
    close: () => closeSync(file),
  };
}

export class CaptureWindow {
  /** Where the next unread byte is in `memory`. */
  position = HEADROOM;
  private end = HEADROOM;
  /** Position in the file of memory[0]. */
  private base = -HEADROOM;
  private closed = false;

  constructor(
    private readonly source: ByteSource,
    readonly memory = new Uint8Array(WINDOW_BYTES),
  ) {}

  /** Position in the file of the next unread byte. */
  get fileOffset(): number {
    return this.base + this.position;
  }

  /** Bytes at hand. */
  get available(): number {
    return this.end - this.position;
  }

  /**
   * True if `count` bytes are at hand; if they aren't, reads more, which moves the bytes at hand to the
   * window's beginning. `count` must be well below the window's size.
   */
  fill(count: number): boolean {
    if (this.available >= count) return true;
    const distance = this.position - HEADROOM;
    this.memory.copyWithin(HEADROOM, this.position, this.end);
    this.base += distance;
    this.end -= distance;
    this.position = HEADROOM;
    while (this.end < this.memory.length) {
      const read = this.source.read(this.memory, this.end, this.memory.length - this.end);
      if (read === 0) break;
      this.end += read;
    }
    return this.available >= count;
  }

  /** Passes over bytes, also over more than the window holds. False if the file ends before. */
  skip(count: number): boolean {
    let left = count;
    while (left > this.available) {
      left -= this.available;
      this.position = this.end;
      if (!this.fill(1)) return false;
    }
    this.position += left;
    return true;
  }

  close(): void {
    if (!this.closed) this.source.close();
    this.closed = true;
  }
}
