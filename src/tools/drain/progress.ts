/** A line that tells how far something is: rewritten in place on a terminal, a new line at each change elsewhere. */
import type { TextStream } from '../command.js';

const CLEAR_LINE = '\r\u001b[K';

export class Progress {
  private shown = '';

  constructor(
    private readonly stream: TextStream,
    private readonly isTerminal: boolean,
  ) {}

  show(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    this.stream.write(this.isTerminal ? `${CLEAR_LINE}${text}` : `${text}\n`);
  }

  /** What is written after this begins a line of its own. */
  end(): void {
    if (this.isTerminal && this.shown !== '') this.stream.write('\n');
    this.shown = '';
  }
}
