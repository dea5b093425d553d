/** The clocks of the data plane. One reading serves all that is done at about the same time. */
import { hrtime } from 'node:process';
import { msToTicks } from '../../dataplane/clock.js';
import { realTimeNs } from '../../dataplane/sys/libc.js';

const offsetMs = Number(hrtime.bigint()) / 1e6 - performance.now();
const reading = new Float64Array(1);

/** Ticks since the host was started: the same for every process, as the tables' times must be. */
export function hostClock(): number {
  const nowMs = performance.now();
  reading[0] = nowMs;
  return msToTicks(offsetMs + nowMs);
}

/** Milliseconds since 1970, as the kernel's stamps count, at the last call of `hostClock`. */
export class RealTime {
  private readonly offset = new Float64Array(1);

  constructor() {
    this.adjust();
  }

  /** To be called from time to time: somebody may set the clock. */
  adjust(): void {
    this.offset[0] = Number(realTimeNs()) / 1e6 - performance.now();
  }

  get lastMs(): number {
    return reading[0] + this.offset[0];
  }
}
