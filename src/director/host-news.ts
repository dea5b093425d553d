/**
 * Changes of the host's network, a line of the log each. Where they come in crowds, as with a routing daemon that
 * learns a thousand routes, there are so many lines at a time and then one that says how many more there were.
 */
import type { Log } from './log.js';

const LINES_MAX = 200;
const PERIOD_MS = 60_000;

export class HostNews {
  private lines = 0;
  private untold = 0;
  private period: NodeJS.Timeout | null = null;

  constructor(
    private readonly log: Log,
    private readonly periodMs = PERIOD_MS,
  ) {}

  tell(description: string): void {
    this.period ??= setTimeout(() => this.endPeriod(), this.periodMs).unref();
    this.lines += 1;
    if (this.lines <= LINES_MAX) this.log.info('host network changed', { description });
    else this.untold += 1;
  }

  /** Says how many changes have no line. */
  close(): void {
    if (this.period !== null) clearTimeout(this.period);
    this.endPeriod();
  }

  private endPeriod(): void {
    if (this.untold > 0) {
      this.log.warn('host network changed more often than there are lines', {
        changes: this.untold,
      });
    }
    this.period = null;
    this.lines = this.untold = 0;
  }
}
