/** One line that says what runs and how long it still takes; on a terminal it is always the same line. */

export class Progress {
  private readonly begin = performance.now();
  private shown = '';

  /** `total`: seconds that everything is expected to take. */
  constructor(
    private total: number,
    private readonly out: NodeJS.WriteStream = process.stderr,
  ) {}

  /** `left`: seconds that the measurements which are still to be made are expected to take. */
  show(what: string, left: number): void {
    const done = this.total - left;
    const elapsed = (performance.now() - this.begin) / 1000;
    // Expectations are corrected by how long the first part has really taken.
    const factor = done > 10 ? elapsed / done : 1;
    this.print(`${what} · ${duration(left * factor)} left`);
  }

  /** A sentence that stays. */
  say(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
  }

  clear(): void {
    if (this.out.isTTY && this.shown !== '') this.out.write('\r\x1b[K');
    this.shown = '';
  }

  private print(text: string): void {
    if (this.out.isTTY) this.out.write(`\r\x1b[K${text}`);
    else this.out.write(`${text}\n`);
    this.shown = text;
  }
}

/** "1 min 05 s" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
