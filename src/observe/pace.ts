/**
 * Long work a little at a time. A turn of the event loop isn't enough: the processor may be one that packets, clients
 * or servers wait for, and whoever works on and on keeps it for milliseconds. Who sleeps gives it away at once.
 */
import { setTimeout as pause } from 'node:timers/promises';

const WORK_MS = 0.5;
/** The shortest that timers know. */
const REST_MS = 1;

export class Pace {
  private restAtMs = performance.now() + WORK_MS;

  /** True once it has worked for long enough; to be asked often. */
  get isDue(): boolean {
    return performance.now() >= this.restAtMs;
  }

  async rest(): Promise<void> {
    await pause(REST_MS);
    this.restAtMs = performance.now() + WORK_MS;
  }

  /** Rests if it is time to. */
  async breathe(): Promise<void> {
    if (this.isDue) await this.rest();
  }
}
