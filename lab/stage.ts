/** Telling a story in a terminal: headings, commands as typed with what they print, and what was promised. */
import type { Host } from './host.js';

const INDENT = '    ';

interface Palette {
  heading: string;
  prompt: string;
  good: string;
  bad: string;
  off: string;
}

const PLAIN: Palette = { heading: '', prompt: '', good: '', bad: '', off: '' };
const COLOURED: Palette = {
  heading: '\x1b[1m',
  prompt: '\x1b[36m',
  good: '\x1b[32m',
  bad: '\x1b[31m',
  off: '\x1b[0m',
};

export class Stage {
  /** Promises that were not kept, and a story broken off. */
  failures = 0;
  private readonly palette: Palette;
  private chapters = 0;

  constructor(private readonly out: NodeJS.WriteStream = process.stdout) {
    this.palette = out.isTTY && process.env['NO_COLOR'] === undefined ? COLOURED : PLAIN;
  }

  chapter(title: string): void {
    this.chapters += 1;
    this.print(`\n${this.palette.heading}${this.chapters}. ${title}${this.palette.off}\n`);
  }

  /** A sentence or a drawing. */
  say(text: string): void {
    this.print(text);
  }

  /** Runs a shell command on a host, shows both command and output, and returns the output. */
  async type(host: Host, command: string): Promise<string> {
    const prompt = host.plan.role === 'director' ? `${host.name}#` : `${host.name}$`;
    this.print(`  ${this.palette.prompt}${prompt}${this.palette.off} ${command}`);
    const result = await host.run('sh', ['-c', command]);
    const output = `${result.stdout}${result.stderr}`.trimEnd();
    if (output !== '') this.print(output.replace(/^/gm, INDENT));
    return output;
  }

  /** Says whether something shown is as it should be. */
  promise(what: string, kept: boolean): void {
    const { good, bad, off } = this.palette;
    if (!kept) this.failures += 1;
    this.print(kept ? `  ${good}ok${off} ${what}` : `  ${bad}NOT SO:${off} ${what}`);
  }

  /** Says that the story can't go on. */
  breakOff(reason: string): void {
    this.failures += 1;
    this.print(`\n${this.palette.bad}Broken off:${this.palette.off} ${reason}`);
  }

  private print(text: string): void {
    this.out.write(`${text}\n`);
  }
}
