/** A signal that Ctrl-C aborts, while it is held; a second Ctrl-C ends the program at once. */
export class Interrupter {
  readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly abort = (): void => this.controller.abort();

  constructor(other: AbortSignal | undefined) {
    process.once('SIGINT', this.abort);
    const own = this.controller.signal;
    this.signal = other === undefined ? own : AbortSignal.any([own, other]);
  }

  release(): void {
    process.off('SIGINT', this.abort);
  }
}
