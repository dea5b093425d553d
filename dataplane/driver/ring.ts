/**
 * The default driver: AF_PACKET sockets with memory-mapped receive rings, sending with sendmmsg from the
 * slots where the frames lie.
 *
 *     kernel -> receive rings (slots in `memory`) -> engine rewrites in place -> sendmmsg -> kernel
 *
 * Frames keep their virtio-net headers, so TCP super-segments of up to 64 KB and unfinished checksums pass as
 * they are and all offloads stay at their defaults. A slot goes back to the kernel when its frame is sent.
 */
import type { Burst } from './driver.js';
import type { PacedDriver } from './pacer.js';
import { PortMemory } from './port-memory.js';
import { PortSockets } from './port-sockets.js';
import { Receiver } from './receiver.js';
import { DEFAULT_SIZES, ringGeometries, type RingSizes } from './ring-sizes.js';
import { Waiter } from '../sys/waiter.js';
import { SendQueue } from './send-queue.js';
import { noStats, type PortStats } from './stats.js';
import { NANOSECONDS_WORD, SECONDS_WORD, type RingGeometry } from './tpacket.js';

/**
 * Gives a frame to the host's kernel (see dataplane/sys/handback.ts); false where that wasn't possible. The
 * frame, Ethernet header first, is at memory[offset]; its virtio-net header is directly before it.
 */
export type GiveToKernel = (
  memory: Uint8Array,
  offset: number,
  length: number,
  offload: number,
  port: number,
) => boolean;

export interface RingDriverOptions extends Partial<RingSizes> {
  handBack?: GiveToKernel;
  /** A descriptor that has `await` return at once when it is readable. */
  interruptFd?: number;
}

interface RingPort {
  readonly receiver: Receiver;
  readonly queue: SendQueue;
  readonly sockets: PortSockets;
}

export class RingDriver implements PacedDriver {
  readonly name = 'ring';
  readonly memory: Uint8Array;

  private readonly geometries: RingGeometry[];
  private readonly portMemory: PortMemory;
  private readonly giveToKernel: GiveToKernel | null;
  /** By port number; and without gaps, for the loops. */
  private readonly byNumber: (RingPort | null)[] = [];
  private ports: RingPort[] = [];
  /** By port number; outlives a port that is closed and opened again. */
  private readonly counters: PortStats[] = [];
  private turn = 0;
  private filter: Uint8Array | null = null;
  private onReadable: (() => void) | null = null;
  private readonly waiter: Waiter;

  constructor(options: RingDriverOptions = {}) {
    this.geometries = ringGeometries({ ...DEFAULT_SIZES, ...options });
    this.portMemory = new PortMemory(this.geometries);
    this.memory = this.portMemory.bytes;
    this.giveToKernel = options.handBack ?? null;
    this.waiter = new Waiter(options.interruptFd ?? -1);
  }

  /**
   * Begins to receive from and send to an interface, as port `port`. Throws SysError.
   * @param ifindex 0 while there is no such interface: `movePort` follows when there is
   * @param given sockets that another process has opened; new ones by default. They are closed with the port.
   */
  openPort(port: number, ifindex: number, given?: PortSockets): void {
    if (this.byNumber[port]) throw new Error(`port ${port} is open already`);
    const stats = (this.counters[port] ??= noStats());
    const sockets = given ?? PortSockets.open(this.geometries);
    let receiver: Receiver | null = null;
    try {
      if (this.filter !== null) sockets.setFilter(this.filter);
      receiver = new Receiver(port, this.portMemory, this.geometries, sockets, stats);
      if (ifindex !== 0) sockets.start(ifindex);
    } catch (error) {
      receiver?.close();
      sockets.close();
      throw error;
    }
    const { queueOffset } = receiver.stretch;
    const queue = new SendQueue(sockets.sendFd, this.portMemory, queueOffset, stats);
    const opened = { receiver, queue, sockets };
    this.byNumber[port] = opened;
    this.ports.push(opened);
    this.waitForPorts();
    if (this.onReadable !== null) receiver.watch(this.onReadable);
  }

  /** Goes on with another interface as this port: the old one is gone. Throws SysError. */
  movePort(port: number, ifindex: number): void {
    const moving = this.byNumber[port];
    if (!moving) throw new Error(`port ${port} isn't open`);
    moving.queue.flush();
    moving.queue.dropAll();
    moving.sockets.start(ifindex);
  }

  /** Between two bursts only. Frames that wait to be sent by or were received from the port are dropped. */
  closePort(port: number): void {
    const closing = this.byNumber[port];
    if (!closing) return;
    const { receiver, queue, sockets } = closing;
    this.byNumber[port] = null;
    this.ports = this.ports.filter((other) => other !== closing);
    this.waitForPorts();
    queue.flush();
    queue.dropAll();
    const firstSlot = receiver.stretch.firstSlots[0];
    const endSlot = this.portMemory.endSlot(receiver.stretch);
    for (const other of this.ports) other.queue.dropSlots(firstSlot, endSlot);
    receiver.close();
    sockets.close();
  }

  /**
   * Has the kernel put only those frames into the rings that a socket filter accepts. Applies to the open
   * ports and to those opened later. Throws SysError.
   * @param program classic BPF instructions, 8 bytes each (struct sock_filter); see dataplane/sys/filter.ts
   */
  attachFilter(program: Uint8Array): void {
    for (const { sockets } of this.ports) sockets.setFilter(program);
    this.filter = program;
  }

  receive(burst: Burst): number {
    const { ports } = this;
    let count = 0;
    // Each burst begins with another port, so that a busy one leaves the others their turn.
    this.turn = this.turn + 1 < ports.length ? this.turn + 1 : 0;
    for (let i = 0; i < ports.length; i++) {
      const index = this.turn + i;
      const port = ports[index < ports.length ? index : index - ports.length];
      count = port.receiver.receive(burst, count);
    }
    burst.count = count;
    if (count > 0) this.noteArrival(burst);
    return count;
  }

  send(burst: Burst, index: number, port: number): void {
    const out = this.byNumber[port];
    if (out) out.queue.add(burst.offset[index], burst.length[index], burst.slot[index]);
    else this.counters[port].sendErrors += 1;
  }

  sendCopy(bytes: Uint8Array, offset: number, length: number, offload: number, port: number): void {
    const out = this.byNumber[port];
    if (out) out.queue.addCopy(bytes, offset, length, offload);
    else this.counters[port].sendErrors += 1;
  }

  handBack(burst: Burst, index: number): void {
    const { memory, giveToKernel } = this;
    const { offset, length, offload, port } = burst;
    const stats = this.counters[port[index]];
    if (giveToKernel?.(memory, offset[index], length[index], offload[index], port[index])) {
      stats.handedBackFrames += 1;
    } else {
      stats.sendErrors += 1;
    }
  }

  flush(): void {
    const { ports } = this;
    for (let i = 0; i < ports.length; i++) ports[i].queue.flush();
  }

  release(burst: Burst): void {
    const { slots } = this.portMemory;
    for (let i = 0; i < burst.count; i++) slots.release(burst.slot[i]);
    burst.count = 0;
  }

  waiting(): number {
    const { ports } = this;
    let frames = 0;
    for (let i = 0; i < ports.length; i++) frames += ports[i].queue.length;
    return frames;
  }

  await(timeoutMs: number): boolean {
    const { ports } = this;
    // In a flood of SYNs there would always be one more.
    for (let i = 0; i < ports.length; i++) if (ports[i].receiver.isFlooded) return false;
    return this.waiter.wait(timeoutMs);
  }

  watch(onReadable: () => void): void {
    this.onReadable = onReadable;
    for (const { receiver } of this.ports) receiver.watch(onReadable);
  }

  unwatch(): void {
    this.onReadable = null;
    for (const { receiver } of this.ports) receiver.unwatch();
  }

  private waitForPorts(): void {
    this.waiter.setDescriptors(this.ports.flatMap(({ sockets }) => sockets.receiveFds));
  }

  stats(port: number): PortStats {
    const counters = (this.counters[port] ??= noStats());
    this.byNumber[port]?.receiver.countDrops();
    return { ...counters };
  }

  close(): void {
    this.unwatch();
    for (let port = 0; port < this.byNumber.length; port++) this.closePort(port);
    this.portMemory.close();
  }

  /** By the kernel's stamp in the first frame's slot. */
  private noteArrival(burst: Burst): void {
    const { words, slots } = this.portMemory;
    const word = slots.word[burst.slot[0]];
    burst.arrival[0] = words[word + SECONDS_WORD];
    burst.arrival[1] = words[word + NANOSECONDS_WORD];
  }
}
