/** What people see of a simulation: a line of progress, what failed and how to repeat it, what was exercised. */
import { commandFor, type Options } from './options.js';
import type { RunReport } from './runner.js';

/** Failures that are told in full. */
const FAILURES_TOLD = 10;
const PROGRESS_MS = 2000;
const NUMBER_COLUMN = 14;

export class Report {
  private runs = 0;
  private readonly failed: number[] = [];
  private virtualMs = 0;
  private readonly counts: Record<string, number> = {};
  private readonly startedMs: number;
  private toldMs: number;

  /** `write` gets whole lines; `clock` gives real milliseconds. */
  constructor(
    private readonly options: Options,
    private readonly write: (line: string) => void,
    private readonly clock: () => number,
  ) {
    this.startedMs = this.toldMs = clock();
  }

  get hasFailures(): boolean {
    return this.failed.length > 0;
  }

  take(report: RunReport): void {
    this.runs += 1;
    this.virtualMs += report.virtualMs;
    for (const [name, count] of Object.entries(report.counts)) {
      this.counts[name] = (this.counts[name] ?? 0) + count;
    }
    if (report.failure !== null) this.tellFailure(report, report.failure);
    if (this.clock() - this.toldMs >= PROGRESS_MS) this.tellProgress();
  }

  tellSummary(): void {
    for (const name of Object.keys(this.counts).toSorted()) {
      this.write(`${String(this.counts[name]).padStart(NUMBER_COLUMN)}  ${name}`);
    }
    const { hours } = this.options;
    const seconds = ((this.clock() - this.startedMs) / 1000).toFixed(0);
    this.write('');
    this.write(
      `${this.runs} runs, ${round(this.runs * hours)} virtual hours with faults and ` +
        `${round(this.virtualMs / 3_600_000)} in all, in ${seconds} s: ` +
        (this.hasFailures ? `${this.failed.length} FAILED` : 'nothing failed'),
    );
    if (this.hasFailures) this.write(`seeds that failed: ${this.failed.join(' ')}`);
  }

  private tellProgress(): void {
    this.toldMs = this.clock();
    const { runs, hours } = this.options;
    const done = round(this.runs * hours);
    const failed = this.hasFailures ? `, ${this.failed.length} FAILED` : '';
    this.write(`${this.runs} of ${runs} runs, ${done} of ${round(runs * hours)} hours${failed}`);
  }

  private tellFailure(report: RunReport, failure: string): void {
    this.failed.push(report.seed);
    if (this.failed.length > FAILURES_TOLD) return;
    for (const line of report.trace) this.write(line);
    const command = commandFor(this.options, report.seed);
    this.write(
      `FAILED seed ${report.seed} at ${(report.virtualMs / 1000).toFixed(2)} s: ${failure}`,
    );
    this.write(`       repeat it with: ${command}${report.trace.length > 0 ? '' : ' --trace'}`);
  }
}

function round(hours: number): string {
  return Number(hours.toPrecision(4)).toString();
}
