/**
 * When the data plane's process is started, taken over from and given up: a state machine without process, clock
 * or timer of its own. Events and the time go in, effects come out; whoever runs it carries them out.
 *
 *     spawn -> loaded -> activate -> running -> ended        a worker's life, as seen from here
 *
 * One worker is active. A second one, the spare, has everything loaded and waits: when the active one ends it
 * takes over at once. A worker that ended before it ran, or by a fault of its own soon after, has failed; one that
 * somebody killed has not. After several failures in a row attempts become rarer, the tables are set aside in steps, and in the end the director gives up for
 * the time being: it says so and holds or releases the packets, but never stops trying.
 */
export interface SupervisorTimes {
  /** A worker that runs for so long has not failed. */
  stableMs: number;
  /** A worker that hasn't said anything for so long hangs. */
  hangMs: number;
  /** As long may taking over last: reading the tables, building the index. */
  activateMs: number;
  /** Giving up takes at least so long since the last worker that ran for a while. */
  giveUpMs: number;
  /** Pause before an attempt: of the third failure in a row, doubled with each further one, up to the maximum. */
  firstPauseMs: number;
  pauseMaxMs: number;
}

export const SUPERVISOR_TIMES: SupervisorTimes = {
  stableMs: 1000,
  hangMs: 5000,
  activateMs: 20_000,
  giveUpMs: 5000,
  firstPauseMs: 100,
  pauseMaxMs: 5000,
};

/** Failures in a row after which there are pauses. */
const FAILURES_BEFORE_PAUSE = 3;
/** Failures in a row after which the director gives up for the time being. */
export const FAILURES_BEFORE_GIVING_UP = 5;
/** Faults in a row after which the next attempt goes without the connections, and without any table. */
export const FAULTS_BEFORE_ASIDE = { connections: 3, all: 4 } as const;

export type SupervisorEvent =
  | { event: 'start' }
  /** Everything is loaded, the worker waits to be activated. */
  | { event: 'loaded'; worker: number }
  /** Packets flow through it. */
  | { event: 'running'; worker: number }
  | { event: 'alive'; worker: number }
  /** `isFault`: by an error of its own, not because somebody killed it. */
  | { event: 'ended'; worker: number; isFault: boolean }
  /** Time has passed. */
  | { event: 'tick' }
  | { event: 'stop' };

export type SupervisorEffect =
  | { effect: 'spawn'; worker: number }
  | { effect: 'activate'; worker: number; aside: 'nothing' | 'connections' | 'all' }
  | { effect: 'kill'; worker: number; reason: string }
  /** It ended without having been asked to. */
  | { effect: 'report'; worker: number; failures: number }
  | { effect: 'giveUp'; failures: number }
  | { effect: 'recovered' };

interface Worker {
  readonly number: number;
  phase: 'loading' | 'loaded' | 'activating' | 'running';
  /** When the phase began, and when the worker was last heard of. */
  sinceMs: number;
  heardMs: number;
}

export class Supervisor {
  private active: Worker | null = null;
  private spare: Worker | null = null;
  private lastWorker = 0;
  private failures = 0;
  private faults = 0;
  private hasGivenUp = false;
  private nextAttemptMs = 0;
  private lastTickMs = 0;
  /** Since when no worker has run for a while. */
  private unstableMs = 0;
  private isStopping = false;

  constructor(private readonly times: SupervisorTimes = SUPERVISOR_TIMES) {}

  /** The worker that commands go to, 0 while there is none. */
  get activeWorker(): number {
    return this.active?.number ?? 0;
  }

  /** Packets flow, and whoever moves them has been heard of lately. */
  isServing(nowMs: number): boolean {
    const { active } = this;
    return active?.phase === 'running' && nowMs - active.heardMs < this.times.hangMs;
  }

  /** True while it doesn't come up again and again. */
  get isGivenUp(): boolean {
    return this.hasGivenUp;
  }

  /** What is to be done now that this has happened, in this order. `nowMs` never goes back. */
  handle(event: SupervisorEvent, nowMs: number): SupervisorEffect[] {
    switch (event.event) {
      case 'start':
        this.unstableMs = nowMs;
        return this.spawnSpare(nowMs);
      case 'loaded':
        return this.loaded(event.worker, nowMs);
      case 'running':
        return this.running(event.worker, nowMs);
      case 'alive':
        this.hear(event.worker, nowMs);
        return [];
      case 'ended':
        return this.ended(event.worker, event.isFault, nowMs);
      case 'tick':
        this.forgive(nowMs);
        return this.tick(nowMs);
      case 'stop':
        this.isStopping = true;
        return [];
      default:
        return [];
    }
  }

  private spawnSpare(nowMs: number): SupervisorEffect[] {
    if (this.spare !== null || this.isStopping) return [];
    const number = ++this.lastWorker;
    this.spare = { number, phase: 'loading', sinceMs: nowMs, heardMs: nowMs };
    return [{ effect: 'spawn', worker: number }];
  }

  private loaded(number: number, nowMs: number): SupervisorEffect[] {
    const { spare } = this;
    if (spare?.number !== number) return [];
    this.enter(spare, 'loaded', nowMs);
    return this.activateSpare(nowMs);
  }

  /** The spare takes over where there is no active worker and no pause to be made. */
  private activateSpare(nowMs: number): SupervisorEffect[] {
    const { spare } = this;
    if (this.active !== null || spare?.phase !== 'loaded' || nowMs < this.nextAttemptMs) return [];
    this.active = spare;
    this.spare = null;
    this.enter(spare, 'activating', nowMs);
    return [{ effect: 'activate', worker: spare.number, aside: this.aside() }];
  }

  private aside(): 'nothing' | 'connections' | 'all' {
    if (this.faults === FAULTS_BEFORE_ASIDE.connections) return 'connections';
    return this.faults === FAULTS_BEFORE_ASIDE.all ? 'all' : 'nothing';
  }

  private running(number: number, nowMs: number): SupervisorEffect[] {
    if (this.active?.number !== number) return [];
    this.enter(this.active, 'running', nowMs);
    return this.spawnSpare(nowMs);
  }

  private hear(number: number, nowMs: number): void {
    for (const worker of [this.active, this.spare]) {
      if (worker?.number === number) worker.heardMs = nowMs;
    }
  }

  private ended(number: number, isFault: boolean, nowMs: number): SupervisorEffect[] {
    if (this.isStopping) return [];
    if (this.spare?.number === number) {
      // A spare that can't even load: the next one has to wait as long as an active one would.
      const hasFailed = isFault || this.spare.phase === 'loading';
      this.spare = null;
      if (hasFailed) this.pause(nowMs);
      return [{ effect: 'report', worker: number, failures: this.failures }, ...this.tick(nowMs)];
    }
    if (this.active?.number !== number) return [];
    const hasRun = this.active.phase === 'running';
    const wasStable = hasRun && nowMs - this.active.sinceMs >= this.times.stableMs;
    this.active = null;
    // One that ran and was killed has come up, at least.
    if (wasStable || (hasRun && !isFault)) {
      this.failures = this.faults = 0;
      this.unstableMs = nowMs;
    } else this.pause(nowMs);
    if (isFault) this.faults += 1;
    const effects: SupervisorEffect[] = [
      { effect: 'report', worker: number, failures: this.failures },
    ];
    const isLong = nowMs - this.unstableMs >= this.times.giveUpMs;
    if (this.failures >= FAILURES_BEFORE_GIVING_UP && isLong && !this.hasGivenUp) {
      this.hasGivenUp = true;
      effects.push({ effect: 'giveUp', failures: this.failures });
    }
    return [...effects, ...this.tick(nowMs)];
  }

  /** One more failure in a row. */
  private pause(nowMs: number): void {
    this.failures += 1;
    const { firstPauseMs, pauseMaxMs } = this.times;
    const doubled = firstPauseMs * 2 ** (this.failures - FAILURES_BEFORE_PAUSE);
    const pauseMs = this.failures < FAILURES_BEFORE_PAUSE ? 0 : Math.min(pauseMaxMs, doubled);
    this.nextAttemptMs = nowMs + pauseMs;
  }

  private tick(nowMs: number): SupervisorEffect[] {
    if (this.isStopping) return [];
    const effects = this.activateSpare(nowMs);
    const hasWork = this.active === null || this.active.phase === 'running';
    if (hasWork && nowMs >= this.nextAttemptMs) effects.push(...this.spawnSpare(nowMs));
    if (this.isStable(nowMs)) {
      this.failures = this.faults = 0;
      if (this.hasGivenUp) effects.push({ effect: 'recovered' });
      this.hasGivenUp = false;
    }
    for (const worker of [this.active, this.spare]) {
      const reason = worker === null ? null : this.hangs(worker, nowMs);
      if (worker !== null && reason !== null) {
        worker.heardMs = worker.sinceMs = nowMs;
        effects.push({ effect: 'kill', worker: worker.number, reason });
      }
    }
    return effects;
  }

  /** A director that was itself held up has not heard what its workers said meanwhile. */
  private forgive(nowMs: number): void {
    const isLate = nowMs - this.lastTickMs > this.times.hangMs / 4;
    this.lastTickMs = nowMs;
    if (!isLate) return;
    for (const worker of [this.active, this.spare]) {
      if (worker !== null) worker.heardMs = worker.sinceMs = nowMs;
    }
  }

  private isStable(nowMs: number): boolean {
    const { active } = this;
    return active?.phase === 'running' && nowMs - active.sinceMs >= this.times.stableMs;
  }

  /** Why a worker is to be ended by force, null where it isn't. */
  private hangs(worker: Worker, nowMs: number): string | null {
    const { hangMs, activateMs } = this.times;
    switch (worker.phase) {
      case 'loaded':
        return null;
      case 'running':
        return nowMs - worker.heardMs >= hangMs ? `silent for ${hangMs} ms` : null;
      default:
        return nowMs - worker.sinceMs >= activateMs ? `not ready within ${activateMs} ms` : null;
    }
  }

  private enter(worker: Worker, phase: Worker['phase'], nowMs: number): void {
    worker.phase = phase;
    worker.sinceMs = worker.heardMs = nowMs;
  }
}
