/** The time of a replayed capture: that of its packets, in ticks since the first one. */
import { MS_PER_TICK } from '../../../../dataplane/clock.js';

/** A gap of more ticks than this (an hour) is passed in as many steps, whatever its length. */
const STEPS_MAX = 360_000;
/** A longer gap (of 32 days) is as good as one of this length: no timer runs longer than 31 days. */
const GAP_MAX_TICKS = 276_480_000;
const MS_PER_SECOND = 1000;
const NANOSECONDS_PER_MS = 1e6;

export class CaptureClock {
  /** Now, as the engine counts it: an int32 that wraps. */
  ticks = 0;
  /** Seconds from the first packet to the one that is looked at; negative for one out of order. */
  seconds = 0;
  private originSeconds = 0;
  private originNanoseconds = 0;
  private hasBegun = false;
  /** As `ticks`, but never wraps. */
  private elapsedTicks = 0;
  /** Of gaps that were too long. */
  private skippedTicks = 0;

  /** Seconds from the first packet to the latest. */
  elapsedSeconds = 0;

  /**
   * Lets the time of a packet come, and calls `step` after each tick on the way (a gap of more than an hour has
   * longer steps). Time never goes back: a packet out of order finds the time of the latest before it.
   */
  advanceTo(seconds: number, nanoseconds: number, step: () => void): void {
    if (!this.hasBegun) {
      this.originSeconds = seconds;
      this.originNanoseconds = nanoseconds;
      this.hasBegun = true;
    }
    const wholeSeconds = seconds - this.originSeconds;
    const rest = nanoseconds - this.originNanoseconds;
    this.seconds = wholeSeconds + rest / (MS_PER_SECOND * NANOSECONDS_PER_MS);
    this.elapsedSeconds = Math.max(this.elapsedSeconds, this.seconds);
    const ms = wholeSeconds * MS_PER_SECOND + Math.floor(rest / NANOSECONDS_PER_MS);
    let target = Math.floor(ms / MS_PER_TICK) - this.skippedTicks;
    const tooMuch = Math.max(0, target - this.elapsedTicks - GAP_MAX_TICKS);
    this.skippedTicks += tooMuch;
    target -= tooMuch;
    const stride = Math.max(1, Math.ceil((target - this.elapsedTicks) / STEPS_MAX));
    while (this.elapsedTicks < target) {
      this.elapsedTicks = Math.min(target, this.elapsedTicks + stride);
      this.ticks = this.elapsedTicks | 0;
      step();
    }
  }
}
