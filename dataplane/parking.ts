/**
 * Frames that wait until their next hop's MAC address is known. They are complete but for the two MAC
 * addresses. Bounded in frames, bytes and time; what doesn't fit or waits in vain is a counted drop.
 *
 * Parking is rare (the first packets to a neighbour), so a parked frame is simply a copy on the heap.
 */
import { type DropCounters, dropReason } from './drops.js';
import type { Driver } from './driver/driver.js';
import { NO_HOP, type Routes } from './route/routes.js';
import { TICKS_PER_SECOND, ticksUntil } from './clock.js';
import type { FrameWatcher } from './watcher.js';

/** As long as the kernel looks for a neighbour: three requests, a second apart. */
const WAIT_TICKS = 3 * TICKS_PER_SECOND;
/** A hop is asked for at most once in this time. */
const ASK_TICKS = TICKS_PER_SECOND;

const PARKING_FULL = dropReason('parking_full');
const NEIGHBOUR_TIMEOUT = dropReason('neighbour_timeout');
const NO_ROUTE = dropReason('no_route');

export interface ParkingOptions {
  /** Most frames, and most bytes of them, that wait at a time. */
  framesMax?: number;
  bytesMax?: number;
}

interface ParkedFrame {
  readonly bytes: Uint8Array;
  readonly offload: number;
  readonly deadline: number;
}

/** All frames for one next hop, in their order. */
interface Row {
  readonly port: number;
  /** Next hop's address. */
  readonly address: number;
  readonly frames: ParkedFrame[];
  askAgain: number;
}

export class Parking {
  frames = 0;
  bytes = 0;
  readonly framesMax: number;
  /** Is told what becomes of frames that had to wait. */
  watcher: FrameWatcher | null = null;
  private readonly bytesMax: number;
  /** By hop, as numbered in `generation` of the routes. */
  private rows = new Map<number, Row>();
  private generation: number;

  /** `resolve` is to have the hop's MAC address found out; `hopResolved` is called when it is known. */
  constructor(
    private readonly driver: Driver,
    private readonly routes: Routes,
    private readonly drops: DropCounters,
    private readonly resolve: (hop: number) => void,
    options: ParkingOptions = {},
  ) {
    this.framesMax = options.framesMax ?? 1024;
    this.bytesMax = options.bytesMax ?? 4 << 20;
    this.generation = routes.generation;
  }

  /** Keeps a copy of a frame for `hop` and asks for the hop's MAC address. */
  park(
    memory: Uint8Array,
    offset: number,
    length: number,
    offload: number,
    hop: number,
    now: number,
  ): void {
    this.followRoutes(now);
    let row = this.rows.get(hop);
    if (row === undefined) {
      if (this.rows.size === this.framesMax) {
        this.refuse(memory, offset, length, offload);
        return;
      }
      row = this.addRow(hop, now);
    }
    if (this.frames === this.framesMax || this.bytes + length > this.bytesMax) {
      this.refuse(memory, offset, length, offload);
    } else {
      const bytes = new Uint8Array(memory.subarray(offset, offset + length));
      row.frames.push({ bytes, offload, deadline: (now + WAIT_TICKS) | 0 });
      this.frames += 1;
      this.bytes += length;
    }
    this.ask(hop, row, now);
  }

  /** Sends what waits for a hop, now that its MAC address is known. */
  hopResolved(hop: number): void {
    const row = this.rows.get(hop);
    if (row === undefined || this.generation !== this.routes.generation) return;
    this.rows.delete(hop);
    const port = this.routes.portOf(hop);
    for (const { bytes, offload } of row.frames) {
      this.forget(bytes);
      this.routes.writeMacs(hop, bytes, 0);
      this.driver.sendCopy(bytes, 0, bytes.length, offload, port);
      this.watcher?.sentLate(bytes, offload, port);
    }
    this.driver.flush();
  }

  /** Drops what waits for a hop, since its MAC address can't be found out. */
  hopFailed(hop: number): void {
    const row = this.rows.get(hop);
    if (row === undefined || this.generation !== this.routes.generation) return;
    while (row.frames.length > 0) this.dropFirst(row, NEIGHBOUR_TIMEOUT);
  }

  /** Drops frames that have waited too long. To be called every 100 ms or so. */
  advance(now: number): void {
    if (this.rows.size === 0) return;
    this.followRoutes(now);
    for (const [hop, row] of this.rows) {
      while (row.frames.length > 0 && ticksUntil(row.frames[0].deadline, now) <= 0) {
        this.dropFirst(row, NEIGHBOUR_TIMEOUT);
      }
      if (row.frames.length > 0) this.ask(hop, row, now);
      // A row without frames stays until it may ask again, or a flood to a dead hop would ask for each packet.
      else if (ticksUntil(row.askAgain, now) <= 0) this.rows.delete(hop);
    }
  }

  /** Hops are numbered anew when routes change; the frames go by their next hop's port and address. */
  private followRoutes(now: number): void {
    if (this.generation === this.routes.generation) return;
    this.generation = this.routes.generation;
    const rows = this.rows.values();
    this.rows = new Map();
    for (const row of rows) {
      const hop = this.routes.lookup(row.address);
      if (hop === NO_HOP || this.routes.portOf(hop) !== row.port) {
        while (row.frames.length > 0) this.dropFirst(row, NO_ROUTE);
        continue;
      }
      this.rows.set(hop, row);
      if (this.routes.isResolved(hop)) this.hopResolved(hop);
      else this.ask(hop, row, now);
    }
  }

  private addRow(hop: number, now: number): Row {
    const port = this.routes.portOf(hop);
    const address = this.routes.addressOf(hop);
    const row: Row = { port, address, frames: [], askAgain: now };
    this.rows.set(hop, row);
    return row;
  }

  private ask(hop: number, row: Row, now: number): void {
    if (ticksUntil(row.askAgain, now) > 0) return;
    row.askAgain = (now + ASK_TICKS) | 0;
    this.resolve(hop);
  }

  private dropFirst(row: Row, reason: number): void {
    const frame = row.frames.shift();
    if (frame === undefined) return;
    this.forget(frame.bytes);
    this.drops.count(reason);
    this.watcher?.droppedLate(frame.bytes, frame.offload, reason);
  }

  private refuse(memory: Uint8Array, offset: number, length: number, offload: number): void {
    this.drops.count(PARKING_FULL);
    this.watcher?.droppedLate(memory.subarray(offset, offset + length), offload, PARKING_FULL);
  }

  private forget(bytes: Uint8Array): void {
    this.frames -= 1;
    this.bytes -= bytes.length;
  }
}
