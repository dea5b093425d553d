/** `uvs top` on a terminal: looks at the director again and again, and shows what it sees as the keys say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlError } from '../../control/api.js';
import { NoDirectorError } from '../../control/client.js';
import type { Snapshot } from '../../control/snapshot.js';
import type { OpenControl } from '../command.js';
import type { Key } from './keys.js';
import { extentFor, screenLines } from './screen.js';
import { painted } from './segments.js';
import type { Scene } from './summary.js';
import { Terminal, type TerminalOutput } from './terminal.js';
import { clampScroll, FIRST_VIEW, press, type View } from './view.js';

export interface SessionOptions {
  open: () => Promise<OpenControl>;
  intervalMs: number;
  isColoured: boolean;
  input: NodeJS.ReadStream;
  output: TerminalOutput;
}

export class Session {
  private readonly terminal: Terminal;
  private readonly end = new AbortController();
  private view: View = FIRST_VIEW;
  private control: OpenControl | null = null;
  private snapshot: Snapshot | null = null;
  private previous: Snapshot | null = null;
  private problem: string | null = null;

  constructor(private readonly options: SessionOptions) {
    this.terminal = new Terminal(options.input, options.output, {
      onKey: (key) => this.press(key),
      onResize: () => this.draw(),
    });
  }

  /** Resolves when somebody has had enough. Rejects, with the terminal untouched, where there is no director. */
  async run(): Promise<void> {
    this.control = await this.options.open();
    await this.look();
    this.terminal.open();
    try {
      await this.watch();
    } finally {
      this.terminal.close();
      this.control?.close();
    }
  }

  private async watch(): Promise<void> {
    const { signal } = this.end;
    while (!signal.aborted) {
      await sleep(this.options.intervalMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || this.view.isPaused) continue;
      try {
        await this.look();
      } catch (error) {
        this.miss(error);
      }
      this.draw();
    }
  }

  private async look(): Promise<void> {
    this.control ??= await this.options.open();
    const snapshot = await this.control.snapshot();
    // The director shares one within a second.
    if (snapshot.takenAtMs !== this.snapshot?.takenAtMs) this.previous = this.snapshot;
    this.snapshot = snapshot;
    this.problem = null;
  }

  /** A director that went away, or is busy with its data plane, is asked again the next time. */
  private miss(error: unknown): void {
    if (!(error instanceof NoDirectorError) && !(error instanceof ControlError)) throw error;
    this.problem = error instanceof NoDirectorError ? 'NO DIRECTOR, trying again' : error.message;
    this.control?.close();
    this.control = null;
  }

  private press(key: Key): void {
    const scene = this.scene();
    if (key === 'suspend') this.terminal.suspend();
    if (key === 'redraw') this.terminal.redraw();
    if (scene === null) return;
    const extent = extentFor(scene, this.view, this.terminal.size);
    const scroll = clampScroll(this.view.scroll, extent);
    const next = press({ ...this.view, scroll }, key, extent);
    if (next === null) {
      this.end.abort();
      return;
    }
    this.view = next;
    this.draw();
  }

  private draw(): void {
    const scene = this.scene();
    if (scene === null || this.end.signal.aborted) return;
    const lines = screenLines(scene, this.view, this.terminal.size);
    this.terminal.draw(lines.map((line) => painted(line, this.options.isColoured)));
  }

  private scene(): Scene | null {
    const { snapshot, previous, problem, view } = this;
    if (snapshot === null) return null;
    const mode = view.isPaused ? 'paused' : `every ${this.options.intervalMs / 1000} s`;
    return { snapshot, previous, problem, mode };
  }
}
