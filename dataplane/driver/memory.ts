/**
 * A driver without a network: received are the frames that were queued with `queue`, sent frames wait in a
 * ring until somebody takes them. For tests, benchmarks and simulation; a million packets allocate nothing.
 *
 *     queue() -> incoming -> receive() ... send(), sendCopy() -> flush() -> sent
 *                                          handBack()                    -> handedBack
 */
import { type Burst, BURST_MAX, type Driver } from './driver.js';
import { FrameRing } from './framering.js';
import { noStats, type PortStats } from './stats.js';

export interface MemoryDriverOptions {
  /** Number of ports. */
  ports?: number;
  /** Slots of each of the three rings. */
  slots?: number;
  /** Size of a slot: the largest frame. */
  frameBytes?: number;
}

/** A frame that left the driver. */
export interface TakenFrame {
  port: number;
  bytes: Uint8Array;
  offload: number;
}

const DEFAULT_PORTS = 2;
const DEFAULT_SLOTS = 1024;
const DEFAULT_FRAME_BYTES = 2048;

export class MemoryDriver implements Driver {
  readonly name = 'memory';
  readonly memory: Uint8Array;
  /** Frames handed to the network, and frames given back to the host. Whoever reads them drops them. */
  readonly sent: FrameRing;
  readonly handedBack: FrameRing;
  /** Most frames one flush hands over: a network that is slow. */
  flushLimit = Number.MAX_SAFE_INTEGER;

  private readonly incoming: FrameRing;
  private readonly outgoing: FrameRing;
  private readonly statsByPort: PortStats[] = [];
  private borrowed = 0;
  private closed = false;

  constructor(options: MemoryDriverOptions = {}) {
    const slots = options.slots ?? DEFAULT_SLOTS;
    const frameBytes = options.frameBytes ?? DEFAULT_FRAME_BYTES;
    this.incoming = new FrameRing(slots, frameBytes);
    this.outgoing = new FrameRing(slots, frameBytes);
    this.sent = new FrameRing(slots, frameBytes);
    this.handedBack = new FrameRing(slots, frameBytes);
    this.memory = this.incoming.memory;
    for (let port = 0; port < (options.ports ?? DEFAULT_PORTS); port++) {
      this.statsByPort.push(noStats());
    }
  }

  /** Lets a frame arrive at a port. False, counted as a ring drop, where there is no room for it. */
  queue(port: number, bytes: Uint8Array, offload = 0, length = bytes.length): boolean {
    const taken = !this.closed && this.incoming.push(bytes, 0, length, port, offload);
    if (!taken) this.statsByPort[port].ringDrops += 1;
    return taken;
  }

  /** Takes what was sent so far, as copies. */
  takeSent(): TakenFrame[] {
    return takeAll(this.sent);
  }

  /** Takes what was handed back so far, as copies. */
  takeHandedBack(): TakenFrame[] {
    return takeAll(this.handedBack);
  }

  receive(burst: Burst): number {
    if (this.borrowed > 0) throw new Error('the last burst was not released');
    const count = Math.min(this.incoming.count, BURST_MAX);
    for (let i = 0; i < count; i++) {
      const slot = this.incoming.slot(i);
      burst.port[i] = this.incoming.port[slot];
      burst.offset[i] = slot * this.incoming.slotBytes;
      burst.length[i] = this.incoming.length[slot];
      burst.offload[i] = this.incoming.offload[slot];
      burst.slot[i] = slot;
      this.statsByPort[burst.port[i]].receivedFrames += 1;
    }
    burst.count = count;
    this.borrowed = count;
    return count;
  }

  send(burst: Burst, index: number, port: number): void {
    this.enqueue(this.memory, burst.offset[index], burst.length[index], burst.offload[index], port);
  }

  sendCopy(bytes: Uint8Array, offset: number, length: number, offload: number, port: number): void {
    this.enqueue(bytes, offset, length, offload, port);
  }

  handBack(burst: Burst, index: number): void {
    const port = burst.port[index];
    const kept = this.handedBack.push(
      this.memory,
      burst.offset[index],
      burst.length[index],
      port,
      burst.offload[index],
    );
    if (kept) this.statsByPort[port].handedBackFrames += 1;
    else this.statsByPort[port].sendErrors += 1;
  }

  flush(): void {
    const from = this.outgoing;
    let handed = 0;
    while (handed < from.count && handed < this.flushLimit) {
      const slot = from.slot(handed);
      const port = from.port[slot];
      const start = slot * from.slotBytes;
      if (!this.sent.push(from.memory, start, from.length[slot], port, from.offload[slot])) break;
      this.statsByPort[port].sentFrames += 1;
      handed += 1;
    }
    from.drop(handed);
    if (from.count > 0) this.statsByPort[from.port[from.slot(0)]].backPressure += 1;
  }

  release(burst: Burst): void {
    this.incoming.drop(this.borrowed);
    this.borrowed = 0;
    burst.count = 0;
  }

  stats(port: number): PortStats {
    return { ...this.statsByPort[port] };
  }

  /** What is queued is lost, as on a network that goes away. */
  close(): void {
    this.closed = true;
    this.incoming.drop(this.incoming.count);
    this.outgoing.drop(this.outgoing.count);
    this.borrowed = 0;
  }

  private enqueue(
    from: Uint8Array,
    offset: number,
    length: number,
    offload: number,
    port: number,
  ): void {
    if (!this.outgoing.push(from, offset, length, port, offload)) {
      this.statsByPort[port].sendErrors += 1;
    }
  }
}

function takeAll(ring: FrameRing): TakenFrame[] {
  const frames: TakenFrame[] = [];
  for (let i = 0; i < ring.count; i++) {
    const slot = ring.slot(i);
    const bytes = ring.bytes[slot].slice(0, ring.length[slot]);
    frames.push({ port: ring.port[slot], bytes, offload: ring.offload[slot] });
  }
  ring.drop(ring.count);
  return frames;
}
