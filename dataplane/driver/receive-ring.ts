/** One ring of received frames, in the kernel's order. */
import type { Burst } from './driver.js';
import type { Slots } from './slots.js';
import type { PortStats } from './stats.js';
import {
  CAPTURED_LENGTH_WORD,
  MAC_OFFSET_WORD,
  NANOSECONDS_WORD,
  PACKET_HOST,
  PACKET_TYPE_OFFSET,
  SECONDS_WORD,
  STATUS_VLAN,
  STATUS_WORD,
  WIRE_LENGTH_WORD,
} from './tpacket.js';
import { readOffload, VNET_HEADER_BYTES } from './vnet-header.js';

const STATUS = STATUS_WORD;
const WIRE_LENGTH = WIRE_LENGTH_WORD;
const CAPTURED_LENGTH = CAPTURED_LENGTH_WORD;
const MAC_OFFSET = MAC_OFFSET_WORD;
const SECONDS = SECONDS_WORD;
const NANOSECONDS = NANOSECONDS_WORD;
const PACKET_TYPE = PACKET_TYPE_OFFSET;
const VLAN = STATUS_VLAN;
const HOST = PACKET_HOST;
const VNET_HEADER = VNET_HEADER_BYTES;

export class ReceiveRing {
  private readonly endSlot: number;
  /** Slot of the next frame. */
  private next: number;

  /** Slots `firstSlot` up to `firstSlot + slotCount` are this ring's. */
  constructor(
    private readonly port: number,
    private readonly memory: Uint8Array,
    private readonly words: Int32Array,
    private readonly slots: Slots,
    private readonly firstSlot: number,
    slotCount: number,
    private readonly stats: PortStats,
  ) {
    this.endSlot = firstSlot + slotCount;
    this.next = firstSlot;
  }

  /**
   * Finds out where to go on in a ring that another process has read from: at the oldest frame of those that
   * lie without a gap before the newest one. Frames before a gap are given back; the other process had done
   * with some that came after them. False while there is no frame.
   */
  findPlace(): boolean {
    const filled: number[] = [];
    for (let slot = this.firstSlot; slot < this.endSlot; slot++) {
      if (this.slots.isFilled(slot)) filled.push(slot);
    }
    if (filled.length === 0) return false;
    let first = filled.reduce((newest, slot) => (this.isOlder(newest, slot) ? slot : newest));
    const kept = new Set([first]);
    for (let slot = this.before(first); this.slots.isFilled(slot); slot = this.before(slot)) {
      if (kept.has(slot) || this.isOlder(first, slot)) break;
      kept.add(slot);
      first = slot;
    }
    for (const slot of filled) {
      if (kept.has(slot)) continue;
      this.slots.skip(slot);
      this.stats.ringDrops += 1;
    }
    this.next = first;
    return true;
  }

  /** True where a frame is there. */
  isReady(): boolean {
    return this.slots.isFilled(this.next);
  }

  /** Whether this ring's next frame arrived before the other ring's. Both must be ready. */
  isBefore(other: ReceiveRing): boolean {
    return this.isOlder(this.next, other.next);
  }

  /** Borrows the next frame as frame `index` of the burst. False where it isn't for us. Must be ready. */
  take(burst: Burst, index: number): boolean {
    const slot = this.next;
    this.next = slot + 1 === this.endSlot ? this.firstSlot : slot + 1;
    const word = this.slots.word[slot];
    if (!this.isForUs(word)) {
      this.slots.skip(slot);
      return false;
    }
    const offset = word * 4 + (this.words[word + MAC_OFFSET] & 0xffff);
    burst.port[index] = this.port;
    burst.offset[index] = offset;
    burst.length[index] = this.words[word + CAPTURED_LENGTH];
    burst.offload[index] = readOffload(this.memory, offset - VNET_HEADER);
    burst.slot[index] = slot;
    this.slots.borrow(slot);
    this.stats.receivedFrames += 1;
    return true;
  }

  /** Whether the frame in a slot arrived before that in another one. */
  private isOlder(slot: number, other: number): boolean {
    const mine = this.slots.word[slot];
    const others = this.slots.word[other];
    const seconds = (this.words[mine + SECONDS] - this.words[others + SECONDS]) | 0;
    if (seconds !== 0) return seconds < 0;
    return this.words[mine + NANOSECONDS] < this.words[others + NANOSECONDS];
  }

  private before(slot: number): number {
    return slot === this.firstSlot ? this.endSlot - 1 : slot - 1;
  }

  private isForUs(word: number): boolean {
    // A tagged frame belongs to a VLAN's interface, which is a port of its own. Broadcasts and frames to
    // other hosts' MAC addresses the kernel doesn't forward either.
    if ((this.words[word + STATUS] & VLAN) !== 0) return false;
    if (this.memory[word * 4 + PACKET_TYPE] !== HOST) return false;
    if (this.words[word + CAPTURED_LENGTH] === this.words[word + WIRE_LENGTH]) return true;
    this.stats.ringDrops += 1;
    return false;
  }
}
