/**
 * Long work a little at a time. A turn of the event loop isn't enough for packets: the processor may be one that the
 * data plane, clients or servers wait for, and the kernel leaves it to whoever works on and on for milliseconds. Who
 * sleeps, for however short a time, gives it away at once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

const WORK_MS = 0.1;
const NAP_MS = 0.1;
/** After which what else there is to be done in this process has its turn. */
const TURN_MS = 2;
/** Nobody ever wakes who sleeps on this. */
const BED = new Int32Array(new SharedArrayBuffer(4));

export class Pace {
  private napAtMs = performance.now() + WORK_MS;
  private turnAtMs = performance.now() + TURN_MS;

  /** To be called often: sleeps for a moment when it is time to. True: others should have their `turn`. */
  nap(): boolean {
    if (performance.now() < this.napAtMs) return false;
    Atomics.wait(BED, 0, 0, NAP_MS);
    const now = performance.now();
    this.napAtMs = now + WORK_MS;
    return now >= this.turnAtMs;
  }

  async turn(): Promise<void> {
    await nextTurn();
    this.turnAtMs = performance.now() + TURN_MS;
  }

  /** Both, as the time comes. */
  async breathe(): Promise<void> {
    if (this.nap()) await this.turn();
  }
}
