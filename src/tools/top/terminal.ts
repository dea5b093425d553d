/**
 * A terminal as a screen to draw on: its alternate screen, so that what was there before comes back, and keys one
 * by one. Whatever ends the process but SIGKILL, the terminal is as it was.
 */
import { writeSync } from 'node:fs';
import { readKeys, type Key } from './keys.js';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';
const CLEAR_REST_OF_LINE = '\u001b[0m\u001b[K';
/** Signals that end a process; each as shells report it. */
const ENDINGS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 } as const;
/** Of terminals that don't tell. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

export type TerminalOutput = NodeJS.WriteStream & { readonly fd: number };

export interface Size {
  columns: number;
  rows: number;
}

export interface TerminalEvents {
  onKey: (key: Key) => void;
  /** The size has changed, or the screen was somebody else's meanwhile. */
  onResize: () => void;
}

export class Terminal {
  private shown: string[] = [];
  private readonly releases: (() => void)[] = [];

  constructor(
    private readonly input: NodeJS.ReadStream,
    private readonly output: TerminalOutput,
    private readonly events: TerminalEvents,
  ) {}

  get size(): Size {
    const { columns, rows } = this.output;
    return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
  }

  open(): void {
    for (const [signal, exitCode] of Object.entries(ENDINGS)) {
      this.listen(process, signal, () => process.exit(exitCode));
    }
    this.listen(process, 'exit', () => this.leave());
    this.listen(process, 'SIGCONT', () => this.enter());
    this.listen(this.input, 'data', (data: string) => this.take(data));
    // A terminal that was closed: nobody looks any more.
    this.listen(this.input, 'end', () => process.exit(ENDINGS.SIGHUP));
    this.listen(this.input, 'error', () => process.exit(ENDINGS.SIGHUP));
    this.listen(this.output, 'error', () => process.exit(ENDINGS.SIGHUP));
    this.listen(this.output, 'resize', () => this.redraw());
    this.input.setEncoding('utf8');
    this.enter();
    this.input.resume();
  }

  close(): void {
    for (const release of this.releases.splice(0)) release();
    this.leave();
    this.input.pause();
  }

  /** Shows these lines, none of them wider than the screen; only those that have changed are written. */
  draw(lines: readonly string[]): void {
    let text = '';
    for (let row = 0; row < this.size.rows; row++) {
      const line = lines[row] ?? '';
      if (line !== this.shown[row]) text += `\u001b[${row + 1};1H${line}${CLEAR_REST_OF_LINE}`;
    }
    this.shown = lines.slice(0, this.size.rows);
    if (text !== '') this.output.write(text);
  }

  /** Stops the process as Ctrl-Z does elsewhere; the screen comes back when it is continued. */
  suspend(): void {
    this.leave();
    process.kill(process.pid, 'SIGSTOP');
  }

  redraw(): void {
    this.shown = [];
    this.output.write('\u001b[0m\u001b[2J');
    this.events.onResize();
  }

  private take(data: string): void {
    for (const key of readKeys(data)) this.events.onKey(key);
  }

  private enter(): void {
    this.input.setRawMode(true);
    this.shown = [];
    this.output.write(ENTER);
    this.events.onResize();
  }

  /** At once, since the process may end with the next instruction. */
  private leave(): void {
    try {
      this.input.setRawMode(false);
      writeSync(this.output.fd, LEAVE);
    } catch {
      // The terminal is gone.
    }
  }

  private listen(
    emitter: NodeJS.EventEmitter,
    event: string,
    listener: (...words: any[]) => void,
  ): void {
    emitter.on(event, listener);
    this.releases.push(() => emitter.off(event, listener));
  }
}
