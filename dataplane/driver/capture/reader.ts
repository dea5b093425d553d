/**
 * What readers of capture files have in common: a window on the file, integers in the file's byte order, and
 * the packet that was found, made an Ethernet frame.
 */
import {
  isLoopback,
  isOutgoing,
  isSupportedLink,
  linkGrowth,
  linkHeaderBytes,
  toEthernet,
} from './link.js';
import { CaptureWindow } from './window.js';

/** Largest packet; a larger length means that the file is damaged. tcpdump captures no more. */
export const PACKET_MAX_BYTES = 262_144;

/** What keeps a file from being read: its name, the problem, the place. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

export abstract class CaptureReader {
  /** The packet that `next` found: a frame of `length` bytes at memory[offset]. */
  readonly memory: Uint8Array;
  offset = 0;
  length = 0;
  /** The frame's length before the capture cut it. */
  originalLength = 0;
  /** Number of its interface in the file's section; 0 in a pcap file. */
  interfaceIndex = 0;
  /** When it was captured, since the epoch. */
  seconds = 0;
  nanoseconds = 0;
  /** Whether the packet was captured on a loopback interface, as far as the capture tells. */
  onLoopback = false;
  /** Packets passed over: sent by the capturing host itself, or of a link layer that isn't supported. */
  passedOver = 0;
  /** To be set where packets that the capturing host sent itself are wanted as well. */
  keepsOutgoing = false;

  protected bigEndian = false;

  constructor(
    readonly path: string,
    protected readonly window: CaptureWindow,
  ) {
    this.memory = window.memory;
  }

  /**
   * Finds the next packet; false if there is none. With `keep` the packets found since the last call without
   * it stay where they are in memory, and false can also mean that there is no room for another one. Throws
   * CaptureError.
   */
  abstract next(keep: boolean): boolean;

  /** How much of the file has been read, in bytes. */
  get position(): number {
    return this.window.fileOffset;
  }

  close(): void {
    this.window.close();
  }

  /** Sets the fields of the packet at `offset`. False if it is to be passed over. */
  protected found(
    offset: number,
    captured: number,
    original: number,
    interfaceIndex: number,
    linkType: number,
  ): boolean {
    const isWhole = isSupportedLink(linkType) && captured >= linkHeaderBytes(linkType);
    if (!isWhole || (!this.keepsOutgoing && isOutgoing(this.memory, offset, linkType))) {
      this.passedOver += 1;
      return false;
    }
    const growth = linkGrowth(linkType);
    this.onLoopback = isLoopback(this.memory, offset, linkType);
    this.offset = toEthernet(this.memory, offset, linkType);
    this.length = captured + growth;
    this.originalLength = original + growth;
    this.interfaceIndex = interfaceIndex;
    return true;
  }

  /**
   * True if `count` bytes are at hand. False at the file's end, or where getting them would move what is to be
   * kept. Throws where the file ends in the middle.
   */
  protected have(count: number, keep: boolean, what: string): boolean {
    if (this.window.available >= count) return true;
    if (keep) return false;
    if (this.window.fill(count)) return true;
    if (this.window.available === 0) return false;
    throw this.damaged(`${what} is cut off`);
  }

  protected checkLength(length: number): number {
    if (length > PACKET_MAX_BYTES) throw this.damaged(`a packet of ${length} bytes`);
    return length;
  }

  protected word(offset: number): number {
    const m = this.memory;
    return this.bigEndian
      ? ((m[offset] << 24) | (m[offset + 1] << 16) | (m[offset + 2] << 8) | m[offset + 3]) >>> 0
      : ((m[offset + 3] << 24) | (m[offset + 2] << 16) | (m[offset + 1] << 8) | m[offset]) >>> 0;
  }

  protected half(offset: number): number {
    const m = this.memory;
    return this.bigEndian ? (m[offset] << 8) | m[offset + 1] : (m[offset + 1] << 8) | m[offset];
  }

  protected damaged(problem: string): CaptureError {
    return new CaptureError(`${this.path}: ${problem} (at byte ${this.window.fileOffset})`);
  }
}
