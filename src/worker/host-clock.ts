/** The clocks of the data plane. One reading serves all that is done at about the same time. */
import { hrtime } from 'node:process';
import { msToTicks } from '../../dataplane/clock.js';
import { realTimeNs } from '../../dataplane/sys/libc.js';

const READINGS = 4;

/** What is to be added to performance.now() to get another clock's milliseconds. */
function offsetOf(readMs: () => number): number {
  let offsetMs = 0;
  let narrowestMs = Number.POSITIVE_INFINITY;
  // The processor may be somebody else's for a while between two clocks: the closest pair of readings counts.
  for (let i = 0; i < READINGS; i++) {
    const beforeMs = performance.now();
    const otherMs = readMs();
    const gapMs = performance.now() - beforeMs;
    if (gapMs >= narrowestMs) continue;
    narrowestMs = gapMs;
    offsetMs = otherMs - beforeMs - gapMs / 2;
  }
  return offsetMs;
}

const offsetMs = offsetOf(() => Number(hrtime.bigint()) / 1e6);
const reading = new Float64Array(1);

/** Ticks since the host was started: the same for every process, as the tables' times must be. */
export function hostClock(): number {
  const nowMs = performance.now();
  reading[0] = nowMs;
  return msToTicks(offsetMs + nowMs);
}

/** Milliseconds since 1970, as the kernel's stamps count. */
export class RealTime {
  private readonly offset = new Float64Array(1);

  constructor() {
    this.adjust();
  }

  /** To be called from time to time: somebody may set the clock. */
  adjust(): void {
    this.offset[0] = offsetOf(() => Number(realTimeNs()) / 1e6);
  }

  get nowMs(): number {
    return performance.now() + this.offset[0];
  }

  /** At the last call of `hostClock`. */
  get lastMs(): number {
    return reading[0] + this.offset[0];
  }
}
