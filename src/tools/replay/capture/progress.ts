/** A line on a terminal that tells how far a long replay has come, and vanishes when it is done. */

const INTERVAL_MS = 200;
const PERCENT = 100;

export interface Terminal {
  isTTY?: boolean;
  write(text: string): unknown;
}

export class Progress {
  private shownAtMs = -Infinity;
  private isShown = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly totalBytes: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Shows it anew, a few times a second at most and on a terminal only. */
  show(readBytes: number, packets: number): void {
    if (this.terminal.isTTY !== true) return;
    const now = this.nowMs();
    if (now - this.shownAtMs < INTERVAL_MS) return;
    this.shownAtMs = now;
    this.isShown = true;
    const percent = Math.floor((PERCENT * readBytes) / Math.max(this.totalBytes, 1));
    this.terminal.write(`\r\x1b[K${percent} %, ${packets} packets`);
  }

  clear(): void {
    if (this.isShown) this.terminal.write('\r\x1b[K');
    this.isShown = false;
    this.shownAtMs = -Infinity;
  }
}
