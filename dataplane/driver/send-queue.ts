/**
 * Frames that wait to be sent out of one port, as the arrays that sendmmsg takes:
 *
 *     messages  | mmsghdr 0 | mmsghdr 1 | ...     64 bytes each, its iovec pointer set once
 *     vectors   | iovec 0   | iovec 1   | ...     16 bytes each: address and length of the frame, with its
 *                                                 virtio-net header
 *     copies    | frames from elsewhere, with their headers, one behind the other
 *
 * Received frames are sent from where they lie, without a copy in user space; one system call sends a burst.
 * What the network can't take now stays in the queue, and received frames keep their slots until then.
 */
import { constants } from 'node:os';
import { sendmmsg, MSG_DONTWAIT } from '../sys/libc.js';
import type { PortMemory } from './port-memory.js';
import type { Slots } from './slots.js';
import type { PortStats } from './stats.js';
import { VNET_HEADER_BYTES, writeVnetHeader } from './vnet-header.js';

/** Most frames in a queue, a power of two. */
export const QUEUE_FRAMES = 512;

const MESSAGE_BYTES = 64;
const VECTOR_BYTES = 16;
const VECTOR_WORDS = VECTOR_BYTES / 4;
const VECTORS_OFFSET = QUEUE_FRAMES * MESSAGE_BYTES;
const COPIES_OFFSET = VECTORS_OFFSET + QUEUE_FRAMES * VECTOR_BYTES;
const COPIES_BYTES = 1 << 20;
/** Memory of a queue. */
export const QUEUE_BYTES = COPIES_OFFSET + COPIES_BYTES;

/** Slot of a frame that isn't in a receive ring. */
const NO_SLOT = -1;
const WORD_SPAN = 0x1_0000_0000;
/** How often the first frame of a queue is offered to an interface that has no room for it. */
const OFFERS_MAX = 1000;

const { EAGAIN, ENOBUFS, ENOMEM, ENETDOWN, ENXIO, ENODEV } = constants.errno;

export class SendQueue {
  private readonly memory: Uint8Array;
  private readonly words: Int32Array;
  private readonly receiveSlots: Slots;
  private readonly slots = new Int32Array(QUEUE_FRAMES);
  private readonly messagesAddress: bigint;
  private readonly lowAddress: number;
  private readonly highAddress: number;
  private readonly firstVectorWord: number;
  private readonly copies: number;
  /** Frames first..count-1 wait. */
  private first = 0;
  private count = 0;
  private copiesUsed = 0;
  /** How often the first frame was refused; whether it was at the last flush. */
  private offers = 0;
  private isRefused = false;

  /** The queue's own memory is at `offset`. */
  constructor(
    private readonly fd: number,
    portMemory: PortMemory,
    offset: number,
    private readonly stats: PortStats,
  ) {
    this.memory = portMemory.bytes;
    this.words = portMemory.words;
    this.receiveSlots = portMemory.slots;
    this.messagesAddress = portMemory.address + BigInt(offset);
    this.lowAddress = Number(portMemory.address % BigInt(WORD_SPAN));
    this.highAddress = Number(portMemory.address / BigInt(WORD_SPAN));
    this.firstVectorWord = (offset + VECTORS_OFFSET) / 4;
    this.copies = offset + COPIES_OFFSET;
    this.writeMessages(offset);
  }

  get length(): number {
    return this.count - this.first;
  }

  /** Queues a received frame as it stands in memory. False where there is no room; the frame is counted. */
  add(frame: number, length: number, slot: number): boolean {
    if (this.count === QUEUE_FRAMES && !this.makeRoom()) return false;
    this.setVector(this.count, frame - VNET_HEADER_BYTES, length + VNET_HEADER_BYTES);
    this.slots[this.count] = slot;
    this.count += 1;
    if (slot !== NO_SLOT) this.receiveSlots.queue(slot);
    return true;
  }

  /** Queues a copy of the frame at bytes[offset]. False where there is no room; the frame is counted. */
  addCopy(bytes: Uint8Array, offset: number, length: number, offload: number): boolean {
    // First of all, since a flush begins the copies anew.
    if (this.count === QUEUE_FRAMES && !this.makeRoom()) return false;
    const total = VNET_HEADER_BYTES + length;
    if (this.copiesUsed + total > COPIES_BYTES && !this.isRefused) this.flush();
    if (this.copiesUsed + total > COPIES_BYTES) {
      this.stats.sendErrors += 1;
      return false;
    }
    const header = this.copies + this.copiesUsed;
    const frame = header + VNET_HEADER_BYTES;
    for (let i = 0; i < length; i++) this.memory[frame + i] = bytes[offset + i];
    writeVnetHeader(this.memory, header, frame, offload);
    this.copiesUsed += total;
    return this.add(frame, length, NO_SLOT);
  }

  /** Sends what can be sent now. */
  flush(): void {
    this.isRefused = false;
    while (this.first < this.count && !this.isRefused) {
      // Only after a refusal does the queue begin elsewhere: a new address isn't made for each burst.
      const messages =
        this.first === 0
          ? this.messagesAddress
          : this.messagesAddress + BigInt(this.first * MESSAGE_BYTES);
      this.stats.sendCalls += 1;
      const sent = sendmmsg(this.fd, messages, this.length, MSG_DONTWAIT);
      if (sent > 0) this.afterSending(sent);
      else this.afterRefusal(-sent);
    }
    if (this.first < this.count) return;
    this.first = 0;
    this.count = 0;
    this.copiesUsed = 0;
  }

  /** Drops all frames, counted. */
  dropAll(): void {
    this.stats.sendErrors += this.length;
    this.offers = 0;
    this.take(this.length);
  }

  /** Drops the frames in slots from `from` on and before `to`, counted: their memory goes away. */
  dropSlots(from: number, to: number): void {
    let kept = 0;
    for (let i = this.first; i < this.count; i++) {
      const slot = this.slots[i];
      if (slot >= from && slot < to) {
        this.stats.sendErrors += 1;
        this.receiveSlots.sent(slot);
      } else {
        this.move(i, kept++);
      }
    }
    this.first = 0;
    this.count = kept;
  }

  private afterSending(frames: number): void {
    this.stats.sentFrames += frames;
    this.offers = 0;
    this.take(frames);
  }

  /** The first frame was refused with `errno`. */
  private afterRefusal(errno: number): void {
    if (errno === EAGAIN || errno === ENOBUFS || errno === ENOMEM) {
      this.stats.backPressure += 1;
      this.offers += 1;
      if (this.offers < OFFERS_MAX) this.isRefused = true;
      else this.dropAll();
    } else if (errno === ENETDOWN || errno === ENXIO || errno === ENODEV) {
      this.dropAll();
    } else {
      this.stats.sendErrors += 1;
      this.take(1);
    }
  }

  private take(frames: number): void {
    const end = this.first + frames;
    for (let i = this.first; i < end; i++) {
      const slot = this.slots[i];
      if (slot !== NO_SLOT) this.receiveSlots.sent(slot);
    }
    this.first = end;
  }

  /** Makes room at the end of the queue. False where there is none; a frame is counted as lost then. */
  private makeRoom(): boolean {
    // What was refused in this burst isn't offered once more for each of its frames.
    if (!this.isRefused) this.flush();
    if (this.first > 0) this.dropSlots(0, 0);
    if (this.count < QUEUE_FRAMES) return true;
    this.stats.sendErrors += 1;
    return false;
  }

  private move(from: number, to: number): void {
    const source = this.firstVectorWord + from * VECTOR_WORDS;
    const target = this.firstVectorWord + to * VECTOR_WORDS;
    for (let i = 0; i < VECTOR_WORDS; i++) this.words[target + i] = this.words[source + i];
    this.slots[to] = this.slots[from];
  }

  private setVector(index: number, start: number, length: number): void {
    const word = this.firstVectorWord + index * VECTOR_WORDS;
    const low = this.lowAddress + start;
    this.words[word] = low;
    this.words[word + 1] = low < WORD_SPAN ? this.highAddress : this.highAddress + 1;
    this.words[word + 2] = length;
  }

  /**
   * struct mmsghdr: name 8, name length 8, iovec pointer 8, iovecs 8, control 8, control length 8, flags 8,
   * sent length 8
   */
  private writeMessages(offset: number): void {
    const messages = new BigUint64Array(
      this.memory.buffer,
      offset,
      (QUEUE_FRAMES * MESSAGE_BYTES) / 8,
    );
    messages.fill(0n);
    const vectors = this.messagesAddress + BigInt(VECTORS_OFFSET);
    for (let i = 0; i < QUEUE_FRAMES; i++) {
      messages[i * 8 + 2] = vectors + BigInt(i * VECTOR_BYTES);
      messages[i * 8 + 3] = 1n;
    }
    this.words.fill(
      0,
      this.firstVectorWord,
      this.firstVectorWord + (QUEUE_FRAMES * VECTOR_BYTES) / 4,
    );
  }
}
