/**
 * The frames that come in by one port, in the kernel's order.
 */
import { type Burst, BURST_MAX } from './driver.js';
import type { Slots } from './slots.js';
import type { PortStats } from './stats.js';
import {
  CAPTURED_LENGTH_WORD,
  MAC_OFFSET_WORD,
  PACKET_HOST,
  PACKET_TYPE_OFFSET,
  STATUS_USER,
  STATUS_VLAN,
  STATUS_WORD,
  WIRE_LENGTH_WORD,
} from './tpacket.js';
import { readOffload, VNET_HEADER_BYTES } from './vnet-header.js';

const STATUS = STATUS_WORD;
const WIRE_LENGTH = WIRE_LENGTH_WORD;
const CAPTURED_LENGTH = CAPTURED_LENGTH_WORD;
const MAC_OFFSET = MAC_OFFSET_WORD;
const PACKET_TYPE = PACKET_TYPE_OFFSET;
const USER = STATUS_USER;
const VLAN = STATUS_VLAN;
const HOST = PACKET_HOST;
const VNET_HEADER = VNET_HEADER_BYTES;

export class ReceiveRing {
  /** The slot where the kernel's next frame will be. */
  private next: number;

  /** Slots `firstSlot` up to `firstSlot + slotCount` are this ring's. */
  constructor(
    private readonly port: number,
    private readonly memory: Uint8Array,
    private readonly words: Int32Array,
    private readonly slots: Slots,
    private readonly firstSlot: number,
    private readonly slotCount: number,
    private readonly stats: PortStats,
  ) {
    this.next = firstSlot;
  }

  /** Adds frames to a burst that has `count` already; returns how many it has then. */
  receive(burst: Burst, count: number): number {
    const { words, slots } = this;
    for (let looked = 0; looked < this.slotCount && count < BURST_MAX; looked++) {
      const slot = this.next;
      if (slots.isOurs(slot)) break;
      const word = slots.word[slot];
      // Not a plain load: what the kernel wrote before must be visible once the status is.
      const status = Atomics.load(words, word + STATUS);
      if ((status & USER) === 0) break;
      this.next = slot + 1 === this.firstSlot + this.slotCount ? this.firstSlot : slot + 1;
      if (this.isForUs(word, status)) {
        this.describe(burst, count++, slot, word);
      } else {
        Atomics.store(words, word + STATUS, 0);
      }
    }
    return count;
  }

  private isForUs(word: number, status: number): boolean {
    // A tagged frame belongs to a VLAN interface, which is a port of its own; broadcasts and frames to other
    // hosts' MAC addresses the kernel doesn't forward either.
    if ((status & VLAN) !== 0 || this.memory[word * 4 + PACKET_TYPE] !== HOST) return false;
    if (this.words[word + CAPTURED_LENGTH] === this.words[word + WIRE_LENGTH]) return true;
    this.stats.ringDrops += 1;
    return false;
  }

  private describe(burst: Burst, index: number, slot: number, word: number): void {
    const offset = word * 4 + (this.words[word + MAC_OFFSET] & 0xffff);
    burst.port[index] = this.port;
    burst.offset[index] = offset;
    burst.length[index] = this.words[word + CAPTURED_LENGTH];
    burst.offload[index] = readOffload(this.memory, offset - VNET_HEADER);
    burst.slot[index] = slot;
    this.slots.borrow(slot);
    this.stats.receivedFrames += 1;
  }
}
