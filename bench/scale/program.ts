/** A program of a benchmark's that runs on a host of the lab and obeys (programs/commands.ts). */
import { join } from 'node:path';
import { LabError } from '../../lab/errors.js';
import type { Host } from '../../lab/host.js';
import type { LabProcess } from '../../lab/process.js';
import { packageRoot } from '../../src/package.js';

const PROGRAMS = join(packageRoot(), 'dist', 'bench');

/** What it answers. */
export type Answer = Readonly<Record<string, number>>;

export class Program {
  private asked = 0;

  private constructor(private readonly process: LabProcess) {}

  /**
   * @param file "scale/programs/servers.js"
   * @param launcher a command that runs the one which follows it: ["setsid"]
   */
  static async start(
    host: Host,
    file: string,
    words: readonly string[],
    launcher: readonly string[] = [],
  ): Promise<Program> {
    const { execPath } = globalThis.process;
    const [command, ...rest] = [...launcher, execPath, join(PROGRAMS, file), ...words];
    const process = host.spawn(command, rest);
    await process.output(/^ready$/m);
    return new Program(process);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Throws LabError where the program ends instead of answering. */
  async ask(command: string, ...words: readonly number[]): Promise<Answer> {
    this.asked += 1;
    this.process.write(`${[this.asked, command, ...words].join(' ')}\n`);
    const [, answer] = await this.process.output(new RegExp(`^${this.asked} (\\{.*\\})$`, 'm'));
    return JSON.parse(answer) as Answer;
  }

  async end(): Promise<void> {
    this.process.endInput();
    const { exit, stderr } = await this.process.done;
    if (exit !== 0) throw new LabError(`${this.process.command}: status ${exit}: ${stderr}`);
  }
}
