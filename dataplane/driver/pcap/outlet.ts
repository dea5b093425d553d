/**
 * The way out of one port: frames are handed to the network one by one and have left then. What it doesn't take now
 * waits, in order, and is offered again; libpcap doesn't say why a frame wasn't taken.
 */
import { FrameRing } from '../framering.js';
import type { PortStats } from '../stats.js';

/** Where frames leave. */
export interface Network {
  /** False where it doesn't take the frame now. */
  inject(frame: Uint8Array): boolean;
}

const WAITING_MAX = 512;
/** Room for a frame of a network with jumbo frames. */
const FRAME_BYTES_MAX = 9728;
/** How often the oldest frame is offered. */
const OFFERS_MAX = 1000;

export class Outlet {
  /** Made when it is needed. */
  private waiting: FrameRing | null = null;
  private offers = 0;

  constructor(
    private readonly network: Network,
    private readonly stats: PortStats,
  ) {}

  get length(): number {
    return this.waiting?.count ?? 0;
  }

  /** Sends a frame now or later; the bytes aren't needed any more then. */
  send(frame: Uint8Array): void {
    if (this.length === 0 && this.inject(frame)) {
      this.stats.sentFrames += 1;
      return;
    }
    if (this.length === 0) this.stats.backPressure += 1;
    this.waiting ??= new FrameRing(WAITING_MAX, FRAME_BYTES_MAX);
    if (!this.waiting.push(frame, 0, frame.length, 0, 0)) this.stats.sendErrors += 1;
  }

  /** Offers what waits once more. */
  flush(): void {
    const { waiting } = this;
    if (waiting === null || waiting.count === 0) return;
    while (waiting.count > 0) {
      const slot = waiting.slot(0);
      if (!this.inject(waiting.bytes[slot].subarray(0, waiting.length[slot]))) {
        this.refused();
        return;
      }
      this.offers = 0;
      this.stats.sentFrames += 1;
      waiting.drop(1);
    }
  }

  /** What waits is lost, counted. */
  dropAll(): void {
    this.stats.sendErrors += this.length;
    this.waiting?.drop(this.length);
    this.offers = 0;
  }

  private inject(frame: Uint8Array): boolean {
    this.stats.sendCalls += 1;
    return this.network.inject(frame);
  }

  private refused(): void {
    this.offers += 1;
    if (this.offers === OFFERS_MAX) this.dropAll();
  }
}
