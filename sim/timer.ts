/** A timer that is started anew again and again, and seldom fires: one event of the timeline serves many starts. */
export interface TimerHost {
  readonly nowMs: number;
  after(delayMs: number, action: () => void): void;
}

export class Timer {
  /** When it fires; 0 while it doesn't run. */
  private atMs = 0;
  /** An event is under way that will look at `atMs`. */
  private isSet = false;

  constructor(
    private readonly host: TimerHost,
    private readonly onFire: () => void,
  ) {}

  get isRunning(): boolean {
    return this.atMs !== 0;
  }

  start(delayMs: number): void {
    this.atMs = this.host.nowMs + delayMs;
    if (!this.isSet) this.set();
  }

  stop(): void {
    this.atMs = 0;
  }

  private set(): void {
    this.isSet = true;
    this.host.after(this.atMs - this.host.nowMs, this.look);
  }

  private readonly look = (): void => {
    this.isSet = false;
    if (this.atMs === 0) return;
    if (this.host.nowMs < this.atMs) {
      this.set();
      return;
    }
    this.atMs = 0;
    this.onFire();
  };
}
