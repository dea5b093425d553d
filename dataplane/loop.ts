/**
 * One burst: receive, have the engine look at each frame, do what it says, flush, release.
 */
import { Burst, type Driver } from './driver/driver.js';
import type { FrameQueue } from './frame-queue.js';
import { Parking } from './parking.js';
import type { DropCounters } from './drops.js';
import type { Routes } from './route/routes.js';
import * as verdict from './verdict.js';
import type { FrameWatcher } from './watcher.js';
import { MAC_BYTES } from './wire/ethernet.js';

/** The part of dataplane/engine.ts that moves packets. */
export interface PacketEngine {
  /** Frames of its own making, after an ANSWER verdict. */
  readonly answers: FrameQueue;
  readonly drops: DropCounters;
  readonly routes: Routes;
  /** Looks ahead at a burst's frames before each of them is processed. */
  prefetch(memory: Uint8Array, offset: Int32Array, length: Int32Array, count: number): void;
  process(
    memory: Uint8Array,
    offset: number,
    length: number,
    port: number,
    offload: number,
    now: number,
  ): number;
  advance(now: number, budget: number): boolean;
  /** Called before the frames of a burst. */
  catchUp(now: number): void;
  /** Called when nothing waits to be processed or sent. */
  settle(now: number): void;
}

/** Connections looked at by one call of `advance`. */
const ADVANCE_BUDGET = 4096;

const KERNEL = verdict.KERNEL;
const SEND = verdict.SEND;
const ANSWER = verdict.ANSWER;
const PARK = verdict.PARK;

export class Loop {
  readonly parking: Parking;
  private readonly received = new Burst();
  /** Until the rings have been empty once: an earlier process may have left frames in them. */
  private mayHaveLeftovers = true;
  private watcher: FrameWatcher | null = null;

  /** `resolve` is to have a hop's MAC address found out; see parking.ts. */
  constructor(
    private readonly engine: PacketEngine,
    private readonly driver: Driver,
    resolve: (hop: number) => void,
  ) {
    this.parking = new Parking(driver, engine.routes, engine.drops, resolve);
  }

  /** From the next burst on somebody sees all frames and what becomes of them; null for nobody. */
  watch(watcher: FrameWatcher | null): void {
    this.watcher = watcher;
    this.parking.watcher = watcher;
  }

  /** Moves up to one burst of frames. `now` in ticks. Returns how many frames there were. */
  burst(now: number): number {
    const { driver, received } = this;
    const count = driver.receive(received);
    if (count === 0) {
      this.mayHaveLeftovers = false;
      // What the network couldn't take the last time is tried again.
      driver.flush();
      this.engine.settle(now);
      return 0;
    }
    this.engine.catchUp(now);
    this.engine.prefetch(driver.memory, received.offset, received.length, count);
    // A loop of its own for those who watch: the plain one is compiled as if there were none.
    if (this.watcher === null) for (let i = 0; i < count; i++) this.frame(i, now);
    else for (let i = 0; i < count; i++) this.watchedFrame(i, now, this.watcher);
    driver.flush();
    driver.release(received);
    return count;
  }

  /** When the first frame of the last burst was received, as in driver.ts. */
  get arrival(): Int32Array {
    return this.received.arrival;
  }

  /** Runs what is due by now. True where there is more to do than one call may. */
  advance(now: number): boolean {
    this.parking.advance(now);
    return this.engine.advance(now, ADVANCE_BUDGET);
  }

  private frame(index: number, now: number): void {
    const { engine, driver, received } = this;
    if (this.mayHaveLeftovers && this.sendLeftover(index)) return;
    const decision = engine.process(
      driver.memory,
      received.offset[index],
      received.length[index],
      received.port[index],
      received.offload[index],
      now,
    );
    this.carryOut(index, decision, now);
  }

  private watchedFrame(index: number, now: number, watcher: FrameWatcher): void {
    const { engine, driver, received } = this;
    if (this.mayHaveLeftovers && this.sendLeftover(index)) return;
    const { memory } = driver;
    const offset = received.offset[index];
    const length = received.length[index];
    const port = received.port[index];
    const offload = received.offload[index];
    watcher.came(memory, offset, length, port, offload);
    const decision = engine.process(memory, offset, length, port, offload, now);
    watcher.decided(decision, engine.answers);
    this.carryOut(index, decision, now);
  }

  private carryOut(index: number, decision: number, now: number): void {
    const { driver, received } = this;
    const value = decision >> 8;
    switch (decision & 0xff) {
      case SEND:
        driver.send(received, index, value);
        break;
      case KERNEL:
        if (value !== 0) driver.handBack(received, index);
        break;
      case ANSWER:
        this.sendAnswers(value);
        break;
      case PARK:
        this.park(index, value, now);
        break;
    }
  }

  private park(index: number, hop: number, now: number): void {
    const { driver, received } = this;
    const { offset, length, offload } = received;
    this.parking.park(driver.memory, offset[index], length[index], offload[index], hop, now);
  }

  /**
   * A frame from one of our own MAC addresses is one that an earlier process had rewritten, which it finishes
   * with that, and didn't get to send. False where it is an ordinary frame.
   */
  private sendLeftover(index: number): boolean {
    const { driver, engine, received } = this;
    const port = engine.routes.portWithMac(driver.memory, received.offset[index] + MAC_BYTES);
    if (port < 0) return false;
    driver.send(received, index, port);
    return true;
  }

  private sendAnswers(port: number): void {
    const { memory, count, offset, length } = this.engine.answers;
    for (let i = 0; i < count; i++) this.driver.sendCopy(memory, offset[i], length[i], 0, port);
  }
}
