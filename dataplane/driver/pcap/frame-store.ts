/**
 * Frames that were captured and wait for a burst, one behind the other in one block of memory, and room for frames
 * that are made here:
 *
 *     | .. frame 0 .. frame 1 .. frame 2 ..                      | scratch | outgoing |
 *       ^ room for a virtio-net header, with which a frame can be handed back to the kernel
 */
import { AddressSpace } from '../../sys/memory.js';
import { type Burst, BURST_MAX } from '../driver.js';

const FRAMES_MAX = 4 * BURST_MAX;
const FRAMES_BYTES = 8 << 20;
const FRAME_BYTES_MAX = 1 << 17;
/** So much before a frame is its own, and the IP header behind its Ethernet header is aligned. */
const HEADROOM_BYTES = 18;
const ALIGNMENT = 16;

export class FrameStore {
  readonly memory: Uint8Array;
  /** A frame that is copied here is at hand to be looked into. */
  readonly scratch: number;
  /** A frame here is ready to be sent. */
  readonly outgoing: number;
  /** Frames that no burst has taken yet are first..count-1. */
  private count = 0;
  private first = 0;
  private used = 0;
  private readonly space: AddressSpace;
  private readonly port = new Int32Array(FRAMES_MAX);
  private readonly offset = new Int32Array(FRAMES_MAX);
  private readonly length = new Int32Array(FRAMES_MAX);
  private readonly offload = new Int32Array(FRAMES_MAX);

  /** Throws SysError. */
  constructor() {
    const bytes = FRAMES_BYTES + 2 * FRAME_BYTES_MAX;
    this.space = new AddressSpace(bytes);
    this.space.placeAnonymous(bytes);
    this.memory = this.space.bytes;
    this.scratch = FRAMES_BYTES + HEADROOM_BYTES;
    this.outgoing = FRAMES_BYTES + FRAME_BYTES_MAX + HEADROOM_BYTES;
  }

  /** Frames that wait, and the memory that they take. */
  get waiting(): number {
    return this.count - this.first;
  }

  get usedBytes(): number {
    return this.used;
  }

  /** Keeps a frame; where it begins in memory, -1 where there is no room. Its offload word follows. */
  add(bytes: Uint8Array, length: number, port: number): number {
    const at = this.used + HEADROOM_BYTES;
    const end = (at + length + ALIGNMENT - 1) & -ALIGNMENT;
    if (this.count === FRAMES_MAX || end > FRAMES_BYTES) return -1;
    this.memory.set(length === bytes.length ? bytes : bytes.subarray(0, length), at);
    const index = this.count++;
    this.port[index] = port;
    this.offset[index] = at;
    this.length[index] = length;
    this.offload[index] = 0;
    this.used = end;
    return at;
  }

  /** Says what offload word the frame has that was added last. */
  noteOffload(offload: number): void {
    this.offload[this.count - 1] = offload;
  }

  /** Fills a burst with the oldest frames. */
  take(burst: Burst): number {
    const count = Math.min(this.waiting, BURST_MAX);
    for (let i = 0; i < count; i++) {
      const index = this.first + i;
      burst.port[i] = this.port[index];
      burst.offset[i] = this.offset[index];
      burst.length[i] = this.length[index];
      burst.offload[i] = this.offload[index];
      burst.slot[i] = index;
    }
    burst.count = count;
    this.first += count;
    return count;
  }

  /** No burst has frames any more. */
  release(): void {
    if (this.first < this.count) return;
    this.first = 0;
    this.count = 0;
    this.used = 0;
  }

  close(): void {
    this.space.close();
  }
}
