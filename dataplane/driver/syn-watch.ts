/**
 * Watching a SYN ring. Waking up costs as much as a dozen SYNs, and in a flood there would be a wake-up for every
 * few of them: then the ring is looked at every few milliseconds, when it is half full.
 */
import { waitReadable, type Readable } from '../sys/readable.js';

/** At 250 SYNs a millisecond a ring of 2048 is half full then. */
const PAUSE_MS = 4;
const FLOOD_PER_MS = 20;

export class SynWatch {
  private readable: Readable | null;
  private pause: NodeJS.Timeout | null = null;
  private windowStart = performance.now();
  private windowCount: number;

  /** @param taken SYNs that were taken out of the ring so far */
  constructor(
    private readonly fd: number,
    private readonly taken: () => number,
    private readonly onReadable: () => void,
  ) {
    this.windowCount = taken();
    this.readable = waitReadable(fd, this.wake);
  }

  get isPausing(): boolean {
    return this.pause !== null;
  }

  stop(): void {
    this.readable?.stop();
    this.readable = null;
    if (this.pause !== null) clearTimeout(this.pause);
    this.pause = null;
  }

  private readonly wake = (): void => {
    this.onReadable();
    const elapsed = performance.now() - this.windowStart;
    if (this.readable === null || elapsed < PAUSE_MS) return;
    const perMs = (this.taken() - this.windowCount) / elapsed;
    this.windowStart += elapsed;
    this.windowCount = this.taken();
    if (perMs < FLOOD_PER_MS) return;
    this.readable.stop();
    this.readable = null;
    this.pause = setTimeout(this.resume, PAUSE_MS);
  };

  private readonly resume = (): void => {
    this.pause = null;
    this.readable = waitReadable(this.fd, this.wake);
  };
}
