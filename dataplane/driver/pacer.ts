/**
 * When the data plane runs, in Node's event loop: as long as there are frames, burst after burst, with a
 * pause every few of them in which control work gets its turn; otherwise it sleeps until a frame comes.
 *
 *     readable -> bursts, timers -> nothing for a millisecond        -> sleep until readable
 *                                -> bursts used up, control work     -> event loop, readable still holds
 *                                -> network can't take what's queued -> again in a millisecond
 *
 * The millisecond is waited out here, since waking up through the event loop costs more than a few packets do.
 */
import type { Driver } from './driver.js';

/** Bursts between two turns of the event loop. */
const BURSTS_PER_TURN = 16;
const AWAIT_MS = 1;
const TIMERS_MS = 100;
const HURRY_MS = 10;
const RETRY_MS = 1;

/** A driver whose frames come from outside, at any time. */
export interface PacedDriver extends Driver {
  /** Frames that the network couldn't take yet. */
  waiting(): number;
  /** Sleeps until there are frames to receive; false after so long, and where something else is to be done. */
  await(timeoutMs: number): boolean;
  /** Calls `onReadable` from the event loop as long as there are frames to receive. */
  watch(onReadable: () => void): void;
  unwatch(): void;
}

/** What is to be done; see dataplane/loop.ts. `now` in ticks. */
export interface PacedWork {
  /** Moves one burst, returns its number of frames. */
  burst(now: number): number;
  /** A burst of so many frames, at least one, was moved, and the clock was read since. */
  moved?(frames: number): void;
  /** Runs what is due; true if more is due. Called about every 100 ms and after bursts. */
  advance(now: number): boolean;
  /** True where `advance` is to be called in every tick, although no frame comes. */
  hurries?(): boolean;
}

export class Pacer {
  private timers: NodeJS.Timeout | null = null;
  private retry: NodeJS.Timeout | null = null;
  private hurry: NodeJS.Timeout | null = null;
  private again: NodeJS.Immediate | null = null;
  private advanced = 0;

  /** `clock` gives the time in ticks. */
  constructor(
    private readonly driver: PacedDriver,
    private readonly work: PacedWork,
    private readonly clock: () => number,
  ) {}

  start(): void {
    if (this.timers !== null) return;
    this.timers = setInterval(this.run, TIMERS_MS);
    this.advanced = this.clock();
    this.driver.watch(this.run);
  }

  stop(): void {
    if (this.timers === null) return;
    clearInterval(this.timers);
    this.timers = null;
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
    if (this.hurry !== null) clearTimeout(this.hurry);
    this.hurry = null;
    if (this.again !== null) clearImmediate(this.again);
    this.again = null;
    this.driver.unwatch();
  }

  private readonly run = (): void => {
    if (this.timers === null) return;
    let now = this.clock();
    let frames = 0;
    for (let i = 0; i < BURSTS_PER_TURN; i++) {
      const count = this.work.burst(now);
      frames += count;
      if (count === 0 && (frames === 0 || !this.awaitFrames())) break;
      now = this.clock();
      if (count > 0) this.work.moved?.(count);
    }
    this.runTimers(now);
    if (this.work.hurries?.() === true) this.hurry ??= setTimeout(this.runHurry, HURRY_MS);
    this.chooseWait(frames > 0);
  };

  private awaitFrames(): boolean {
    return this.timers !== null && this.driver.waiting() === 0 && this.driver.await(AWAIT_MS);
  }

  private readonly runAgain = (): void => {
    this.again = null;
    this.run();
  };

  private readonly runRetry = (): void => {
    this.retry = null;
    this.run();
  };

  private readonly runHurry = (): void => {
    this.hurry = null;
    this.run();
  };

  private runTimers(now: number): void {
    if (now === this.advanced) return;
    if (this.work.advance(now)) this.again ??= setImmediate(this.runAgain);
    else this.advanced = now;
  }

  /**
   * A frame that waits to be sent keeps its slot, and that may keep the ring readable. Then watching it would
   * be spinning, so the timer alone does the waking.
   */
  private chooseWait(hasReceived: boolean): void {
    if (this.timers === null) return;
    const isWaiting = this.driver.waiting() > 0;
    if (isWaiting) this.retry ??= setTimeout(this.runRetry, RETRY_MS);
    if (isWaiting && !hasReceived) this.driver.unwatch();
    else this.driver.watch(this.run);
  }
}
