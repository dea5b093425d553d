/** How many frames come at once, and how long they stay inside: once a burst, when all of it has been sent. */
import { TICKS_PER_SECOND, ticksUntil } from '../../dataplane/clock.js';
import type { Meters } from '../../dataplane/meters.js';
import { RealTime } from './host-clock.js';

const ADJUST_TICKS = TICKS_PER_SECOND;
const PRECISION_MS = 1;

export class BurstMeter {
  private readonly realTime = new RealTime();
  private adjusted = 0;

  /** @param arrival of the first frame of the last burst, as in driver.ts */
  constructor(
    private readonly meters: Meters,
    private readonly arrival: Int32Array,
  ) {}

  /** A burst was handed to the network, and `hostClock` was read since. */
  note(frames: number): void {
    this.meters.countBurst(frames);
    const seconds = this.arrival[0] >>> 0;
    if (seconds === 0) return;
    const arrivedMs = seconds * 1000 + this.arrival[1] / 1e6;
    const insideMs = this.realTime.lastMs - arrivedMs;
    // Two clocks never agree to the last microsecond.
    this.meters.countTime(insideMs < 0 && insideMs > -PRECISION_MS ? 0 : insideMs / 1000);
  }

  /** Follows the host's clock where somebody sets it. `now` in ticks. */
  advance(now: number): void {
    if (ticksUntil(now, this.adjusted) < ADJUST_TICKS) return;
    this.adjusted = now;
    this.realTime.adjust();
  }
}
