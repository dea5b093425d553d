/** One line that says what runs and how long it still takes; on a terminal it is always the same line. */

export class Progress {
  private readonly begin = performance.now();
  private shown = '';
  private readonly said = new Set<string>();

  /** `total`: seconds that everything is expected to take; null: what is said to be left is taken as it is. */
  constructor(
    private readonly total: number | null,
    private readonly out: NodeJS.WriteStream = process.stderr,
  ) {}

  /** `left`: seconds that the measurements which are still to be made are expected to take. */
  show(what: string, left: number): void {
    const done = (this.total ?? left) - left;
    const elapsed = (performance.now() - this.begin) / 1000;
    // Expectations are corrected by how long the first part has really taken.
    const factor = done > 10 ? elapsed / done : 1;
    this.print(what, `${duration(left * factor)} left`);
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

  /** In a file, what alternates with other things is said once. */
  private print(what: string, left: string): void {
    if (this.out.isTTY) this.out.write(`\r\x1b[K${what} · ${left}`);
    else if (!this.said.has(what)) this.out.write(`${what} · ${left}\n`);
    this.said.add(what);
    this.shown = what;
  }
}

/** "1 min 05 s" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
