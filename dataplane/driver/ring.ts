/**
 * The default driver: AF_PACKET sockets with memory-mapped receive rings, sending with sendmmsg from the
 * slots where the frames lie.
 *
 *     kernel -> receive ring (slots in `memory`) -> engine rewrites in place -> sendmmsg -> kernel
 *
 * Frames keep their virtio-net headers, so TCP super-segments of up to 64 KB and unfinished checksums pass as
 * they are and all offloads stay at their defaults. A slot goes back to the kernel when its frame is sent.
 * All ports' rings and queues lie in one reservation of address space, which `memory` covers:
 *
 *     memory  | filter program | port's ring, send queue | port's ring, send queue | ... (reserved)
 *
 * Measured against the alternatives in docs/performance.md.
 */
import { check } from '../sys/errors.js';
import { close, setsockopt, SO_ATTACH_FILTER, SOL_SOCKET } from '../sys/libc.js';
import { AddressSpace, PAGE_BYTES } from '../sys/memory.js';
import { openSendSocket } from '../sys/packet-socket.js';
import { waitReadable, type Readable } from '../sys/readable.js';
import type { Burst } from './driver.js';
import type { PacedDriver } from './pacer.js';
import { ReceiveRing } from './receive-ring.js';
import { QUEUE_BYTES, SendQueue } from './send-queue.js';
import { Slots } from './slots.js';
import { noStats, type PortStats } from './stats.js';
import * as tpacket from './tpacket.js';

/** A slot has room for a 64 KB packet with its headers: 17 pages. */
const SLOT_BYTES = 17 * PAGE_BYTES;
const PORTS_MAX = 64;
const FILTER_INSTRUCTION_BYTES = 8;
const FILTER_INSTRUCTIONS_MAX = 4096;
const FILTER_BYTES = FILTER_INSTRUCTION_BYTES * FILTER_INSTRUCTIONS_MAX;

export interface RingDriverOptions {
  /** Slots of a receive ring; a power of two. */
  slots?: number;
  /** Gives a frame to the host's kernel; see dataplane/sys/handback.ts. False if that wasn't possible. */
  handBack?: HandBack;
}

/** The frame, Ethernet header first, is at memory[offset]; its virtio-net header is directly before it. */
export type HandBack = (
  memory: Uint8Array,
  offset: number,
  length: number,
  offload: number,
  port: number,
) => boolean;

interface RingPort {
  readonly ifindex: number;
  readonly receiveFd: number;
  readonly sendFd: number;
  /** Which stretch of the memory, and of the slots, this port has. */
  readonly stretch: number;
  readonly ring: ReceiveRing;
  readonly queue: SendQueue;
  readonly stats: PortStats;
  readable: Readable | null;
}

export class RingDriver implements PacedDriver {
  readonly name = 'ring';
  readonly memory: Uint8Array;

  private readonly space: AddressSpace;
  private readonly words: Int32Array;
  private readonly geometry: tpacket.RingGeometry;
  private readonly stretchBytes: number;
  private readonly slots: Slots;
  private readonly handBackFrame: HandBack | null;
  /** Where the stretches that have been placed begin, and those of them no port uses. */
  private readonly stretchOffsets: number[] = [];
  private readonly freeStretches: number[] = [];
  /** By port number; and without gaps, for the loops. */
  private readonly byNumber: (RingPort | null)[] = [];
  private ports: RingPort[] = [];
  /** By port number; outlives a port that is closed and opened again. */
  private readonly counters: PortStats[] = [];
  private turn = 0;
  private filterLength = 0;
  private onReadable: (() => void) | null = null;

  /** Throws SysError. */
  constructor(options: RingDriverOptions = {}) {
    const slots = options.slots ?? 256;
    this.geometry = { slots, slotBytes: SLOT_BYTES, blockBytes: SLOT_BYTES };
    this.stretchBytes = tpacket.ringBytes(this.geometry) + QUEUE_BYTES;
    this.space = new AddressSpace(FILTER_BYTES + PORTS_MAX * this.stretchBytes);
    this.space.placeAnonymous(FILTER_BYTES);
    this.memory = this.space.bytes;
    this.words = new Int32Array(this.memory.buffer);
    this.slots = new Slots(this.words, slots * PORTS_MAX);
    this.handBackFrame = options.handBack ?? null;
  }

  /** Begins to receive from and send to an interface, as port `port`. Throws SysError. */
  openPort(port: number, ifindex: number): void {
    if (this.byNumber[port]) throw new Error(`port ${port} is open already`);
    const receiveFd = tpacket.openReceiveSocket(this.geometry);
    let sendFd = -1;
    let stretch = -1;
    try {
      sendFd = openSendSocket(ifindex);
      stretch = this.takeStretch(receiveFd);
      const opened = this.buildPort(port, ifindex, receiveFd, sendFd, stretch);
      this.attachTo(receiveFd);
      tpacket.startReceiving(receiveFd, ifindex);
      this.byNumber[port] = opened;
      this.ports.push(opened);
      if (this.onReadable !== null) opened.readable = waitReadable(receiveFd, this.onReadable);
    } catch (error) {
      if (stretch !== -1) this.giveStretch(stretch);
      if (sendFd !== -1) close(sendFd);
      close(receiveFd);
      throw error;
    }
  }

  /** Between two bursts only. Frames that wait to be sent by or were received from the port are dropped. */
  closePort(port: number): void {
    const closing = this.byNumber[port];
    if (!closing) return;
    this.byNumber[port] = null;
    this.ports = this.ports.filter((other) => other !== closing);
    closing.readable?.stop();
    closing.stats.ringDrops += tpacket.takeRingDrops(closing.receiveFd);
    closing.queue.flush();
    closing.queue.dropAll();
    const firstSlot = closing.stretch * this.geometry.slots;
    const endSlot = firstSlot + this.geometry.slots;
    for (const other of this.ports) other.queue.dropSlots(firstSlot, endSlot);
    this.slots.forget(firstSlot, endSlot);
    this.giveStretch(closing.stretch);
    close(closing.receiveFd);
    close(closing.sendFd);
  }

  /**
   * Has the kernel put only those frames into the rings that a socket filter accepts. Applies to the open
   * ports and to those opened later.
   * @param program classic BPF instructions, 8 bytes each (struct sock_filter)
   */
  attachFilter(program: Uint8Array): void {
    if (program.length > FILTER_BYTES) {
      throw new RangeError(
        `filter of ${program.length} bytes, the kernel takes ${FILTER_BYTES} at most`,
      );
    }
    this.memory.set(program, 0);
    this.filterLength = program.length / FILTER_INSTRUCTION_BYTES;
    for (const { receiveFd } of this.ports) this.attachTo(receiveFd);
  }

  receive(burst: Burst): number {
    const { ports } = this;
    let count = 0;
    // Each burst begins with another port, so that a busy one leaves the others their turn.
    this.turn = this.turn + 1 < ports.length ? this.turn + 1 : 0;
    for (let i = 0; i < ports.length; i++) {
      const index = this.turn + i;
      count = ports[index < ports.length ? index : index - ports.length].ring.receive(burst, count);
    }
    burst.count = count;
    return count;
  }

  send(burst: Burst, index: number, port: number): void {
    const out = this.byNumber[port];
    const slot = burst.slot[index];
    if (!out) {
      this.counters[port].sendErrors += 1;
    } else if (out.queue.add(burst.offset[index], burst.length[index], slot)) {
      this.slots.queue(slot);
    }
  }

  sendCopy(bytes: Uint8Array, offset: number, length: number, offload: number, port: number): void {
    const out = this.byNumber[port];
    if (out) out.queue.addCopy(bytes, offset, length, offload);
    else this.counters[port].sendErrors += 1;
  }

  handBack(burst: Burst, index: number): void {
    const port = burst.port[index];
    const stats = this.counters[port];
    const given =
      this.handBackFrame !== null &&
      this.handBackFrame(
        this.memory,
        burst.offset[index],
        burst.length[index],
        burst.offload[index],
        port,
      );
    if (given) stats.handedBackFrames += 1;
    else stats.sendErrors += 1;
  }

  flush(): void {
    const { ports } = this;
    for (let i = 0; i < ports.length; i++) ports[i].queue.flush();
  }

  release(burst: Burst): void {
    for (let i = 0; i < burst.count; i++) this.slots.release(burst.slot[i]);
    burst.count = 0;
  }

  /** Frames that wait because the network couldn't take them at the last flush. */
  waiting(): number {
    let frames = 0;
    for (let i = 0; i < this.ports.length; i++) frames += this.ports[i].queue.length;
    return frames;
  }

  watch(onReadable: () => void): void {
    this.onReadable = onReadable;
    for (const port of this.ports) {
      port.readable ??= waitReadable(port.receiveFd, onReadable);
    }
  }

  unwatch(): void {
    this.onReadable = null;
    for (const port of this.ports) {
      port.readable?.stop();
      port.readable = null;
    }
  }

  stats(port: number): PortStats {
    const counters = (this.counters[port] ??= noStats());
    const open = this.byNumber[port];
    if (open) counters.ringDrops += tpacket.takeRingDrops(open.receiveFd);
    return { ...counters };
  }

  close(): void {
    this.unwatch();
    for (let port = 0; port < this.byNumber.length; port++) this.closePort(port);
    this.space.close();
  }

  private buildPort(
    port: number,
    ifindex: number,
    receiveFd: number,
    sendFd: number,
    stretch: number,
  ): RingPort {
    const { slots, slotBytes } = this.geometry;
    const { memory, words } = this;
    const offset = this.stretchOffsets[stretch];
    const firstSlot = stretch * slots;
    for (let i = 0; i < slots; i++) {
      this.slots.word[firstSlot + i] = (offset + i * slotBytes) / 4;
    }
    const stats = (this.counters[port] ??= noStats());
    const ring = new ReceiveRing(port, memory, words, this.slots, firstSlot, slots, stats);
    const queueOffset = offset + tpacket.ringBytes(this.geometry);
    const onDone = (slot: number): void => this.slots.sent(slot);
    const queue = new SendQueue(sendFd, memory, this.space.address, queueOffset, stats, onDone);
    return { ifindex, receiveFd, sendFd, stretch, ring, queue, stats, readable: null };
  }

  private attachTo(fd: number): void {
    if (this.filterLength === 0) return;
    // struct sock_fprog: instructions 2 (padded to 8), pointer 8. The program lies at the start of memory.
    const program = new BigUint64Array([BigInt(this.filterLength), this.space.address]);
    const result = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(program.buffer));
    check('setsockopt SO_ATTACH_FILTER', result);
  }

  private takeStretch(receiveFd: number): number {
    const bytes = tpacket.ringBytes(this.geometry);
    const free = this.freeStretches.pop();
    if (free !== undefined) {
      this.space.replace(this.stretchOffsets[free], receiveFd, bytes);
      return free;
    }
    const offset = this.space.place(receiveFd, bytes);
    this.space.placeAnonymous(QUEUE_BYTES);
    return this.stretchOffsets.push(offset) - 1;
  }

  private giveStretch(stretch: number): void {
    this.space.vacate(this.stretchOffsets[stretch], tpacket.ringBytes(this.geometry));
    this.freeStretches.push(stretch);
  }
}
