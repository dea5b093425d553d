/**
 * What a port receives: two rings, because TCP super-segments are forty times as large as other frames. Slots
 * for 64 KB in the number that a flood of small frames takes would be too much memory.
 *
 *     small ring   2048 slots of  2 KB    frames of an ordinary MTU
 *     large ring    128 slots of 68 KB    super-segments, jumbo frames
 *
 * Socket filters divide the frames by their length. Together the rings are read in the order of arrival, by
 * the frames' time stamps, or a connection's last, short segment would overtake the one before.
 */
import { assemble, ifAtLeast, keep, loadLength } from '../sys/bpf.js';
import { close } from '../sys/libc.js';
import { PAGE_BYTES } from '../sys/memory.js';
import { waitReadable, type Readable } from '../sys/readable.js';
import { type Burst, BURST_MAX } from './driver.js';
import type { PortMemory, Stretch } from './port-memory.js';
import { ReceiveRing } from './receive-ring.js';
import type { PortStats } from './stats.js';
import {
  attachFilter,
  openReceiveSocket,
  startReceiving,
  takeRingDrops,
  type RingGeometry,
} from './tpacket.js';

const SMALL_SLOT_BYTES = 2048;
const LARGE_SLOT_BYTES = 17 * PAGE_BYTES;
const SMALL_BLOCK_BYTES = 16 * PAGE_BYTES;
/** What fits into a small slot behind its headers. */
const SMALL_FRAME_MAX = SMALL_SLOT_BYTES - 128;
const ALL_BYTES = 0x40000;

const SHORT_FRAMES = [loadLength(), ifAtLeast(SMALL_FRAME_MAX + 1, 0, 1), keep(0)];
const LONG_FRAMES = [loadLength(), ifAtLeast(SMALL_FRAME_MAX + 1, 1, 0), keep(0)];
const ALL_FRAMES = assemble([keep(ALL_BYTES)]);

export interface RingSizes {
  /** Slots of the small ring, a multiple of 32. */
  smallSlots: number;
  largeSlots: number;
}

/** The rings of a port, small one first. */
export function ringGeometries({ smallSlots, largeSlots }: RingSizes): RingGeometry[] {
  return [
    { slots: smallSlots, slotBytes: SMALL_SLOT_BYTES, blockBytes: SMALL_BLOCK_BYTES },
    { slots: largeSlots, slotBytes: LARGE_SLOT_BYTES, blockBytes: LARGE_SLOT_BYTES },
  ];
}

export class Receiver {
  readonly stretch: Stretch;
  private readonly fds: number[] = [];
  private readonly small: ReceiveRing;
  private readonly large: ReceiveRing;
  private readonly slotCount: number;
  private readables: Readable[] = [];

  /** Receives nothing before `start`. Throws SysError. */
  constructor(
    port: number,
    private readonly memory: PortMemory,
    geometries: readonly RingGeometry[],
    private readonly stats: PortStats,
  ) {
    try {
      for (const geometry of geometries) this.fds.push(openReceiveSocket(geometry));
      this.setFilter(ALL_FRAMES);
      this.stretch = memory.take(this.fds);
    } catch (error) {
      for (const fd of this.fds) close(fd);
      throw error;
    }
    const { bytes, words, slots } = memory;
    const [small, large] = geometries.map((geometry, i) => {
      const firstSlot = this.stretch.firstSlots[i];
      return new ReceiveRing(port, bytes, words, slots, firstSlot, geometry.slots, stats);
    });
    this.small = small;
    this.large = large;
    this.slotCount = geometries[0].slots + geometries[1].slots;
  }

  /** Puts only those frames into the rings from now on that the program accepts. Throws SysError. */
  setFilter(program: Uint8Array): void {
    attachFilter(this.fds[0], Buffer.concat([assemble(SHORT_FRAMES), program]));
    attachFilter(this.fds[1], Buffer.concat([assemble(LONG_FRAMES), program]));
  }

  /** Begins to receive from an interface. Throws SysError. */
  start(ifindex: number): void {
    for (const fd of this.fds) startReceiving(fd, ifindex);
  }

  /** Adds frames to a burst that has `count` already; returns how many it has then. */
  receive(burst: Burst, count: number): number {
    for (let looked = 0; looked < this.slotCount && count < BURST_MAX; looked++) {
      const ring = this.next();
      if (ring === null) break;
      if (ring.take(burst, count)) count += 1;
    }
    return count;
  }

  watch(onReadable: () => void): void {
    if (this.readables.length > 0) return;
    this.readables = this.fds.map((fd) => waitReadable(fd, onReadable));
  }

  unwatch(): void {
    for (const readable of this.readables) readable.stop();
    this.readables = [];
  }

  /** Adds what the rings had no room for to the counters. */
  countDrops(): void {
    for (const fd of this.fds) this.stats.ringDrops += takeRingDrops(fd);
  }

  close(): void {
    this.unwatch();
    this.countDrops();
    this.memory.give(this.stretch);
    for (const fd of this.fds) close(fd);
  }

  /** The ring whose frame arrived first, null where neither has one. */
  private next(): ReceiveRing | null {
    const isSmallReady = this.small.isReady();
    if (!this.large.isReady()) return isSmallReady ? this.small : null;
    // Since the first look at the small ring, a frame older than the large ring's may have come.
    if (!isSmallReady && !this.small.isReady()) return this.large;
    return this.small.isBefore(this.large) ? this.small : this.large;
  }
}
