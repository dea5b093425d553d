/** What all parts of a simulation share: time, chance, counts, the record of what happened, and health. */
import { Random } from './random.js';
import { Timeline } from './timeline.js';

/** Named counts of what was exercised. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(name: string, count = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + count;
  }
}

/** The last events, for people who want to know how it came to this. */
export class Trace {
  private readonly lines: string[] = [];
  /** A number that follows from all events so far: two equal runs have equal ones. */
  digest = 0x811c9dc5 | 0;

  constructor(
    private readonly timeline: Timeline,
    /** How many events are kept in words; 0 for none. */
    private readonly linesMax: number,
  ) {}

  /** `words` is asked only where somebody will read it. */
  event(code: number, words: () => string): void {
    this.digest = Math.imul(this.digest ^ code ^ Math.imul(this.timeline.nowMs, 31), 0x01000193);
    if (this.linesMax === 0) return;
    if (this.lines.length >= 2 * this.linesMax) this.lines.splice(0, this.linesMax);
    this.lines.push(`${(this.timeline.nowMs / 1000).toFixed(3)} ${words()}`);
  }

  get last(): string[] {
    return this.lines.slice(-this.linesMax);
  }
}

/** Whether network and director are as they should be, and for how long they have been. */
export class Health {
  private faults = 0;
  private sinceMs = 0;
  private passedMs = 0;

  constructor(private readonly timeline: Timeline) {}

  /** A fault begins. */
  begin(): void {
    if (this.faults === 0) this.passedMs += this.timeline.nowMs - this.sinceMs;
    this.faults += 1;
  }

  /** A fault has ended. */
  end(): void {
    this.faults -= 1;
    if (this.faults === 0) this.sinceMs = this.timeline.nowMs;
  }

  /** Time that has passed without a fault. */
  get healthyMs(): number {
    return this.faults > 0 ? this.passedMs : this.passedMs + this.timeline.nowMs - this.sinceMs;
  }
}

export class World {
  readonly timeline = new Timeline();
  readonly tally = new Tally();
  readonly trace: Trace;
  readonly health: Health;
  readonly random: Random;

  constructor(
    readonly seed: number,
    traceLines: number,
  ) {
    this.random = new Random(seed);
    this.trace = new Trace(this.timeline, traceLines);
    this.health = new Health(this.timeline);
  }
}
