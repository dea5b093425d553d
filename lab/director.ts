/** uvsd on a host of a lab, and uvsadm to speak to it. Both run from dist/, as a user would run them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/package.js';
import { LabError } from './errors.js';
import type { Host, RunOptions } from './host.js';
import type { Daemon, RunResult } from './process.js';

const READY = /\bready\b/;
const READY_TIMEOUT_MS = 60_000;

export class Director {
  private constructor(
    readonly host: Host,
    readonly daemon: Daemon,
  ) {}

  /** Starts `uvsd ARGS`; resolves once it says that it is ready, fails with its log if it ends before. */
  static async start(host: Host, args: readonly string[] = []): Promise<Director> {
    requireBuild();
    const daemon = host.daemon('uvsd', 'uvsd', [...standingOptions(), ...args]);
    const director = new Director(host, daemon);
    await daemon.logged(READY, READY_TIMEOUT_MS);
    return director;
  }

  /** Runs `uvsadm WORDS`, given as one line, and returns its answer whatever its exit status is. */
  run(line: string, options?: RunOptions): Promise<RunResult> {
    return this.host.run('uvsadm', words(line), options);
  }

  /** Runs `uvsadm WORDS`, which must succeed, and returns what it prints. */
  adm(line: string, options?: RunOptions): Promise<string> {
    return this.host.output('uvsadm', words(line), options);
  }

  /** Ends it as an operator would; resolves to its exit status. */
  stop(): Promise<number | null> {
    return this.daemon.stop('SIGTERM');
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.daemon.stop('SIGKILL');
  }
}

/** Options of every uvsd of a lab, from the environment: has all lab tests run another way, such as with a fast path. */
function standingOptions(): string[] {
  return words(process.env.UVS_LAB_UVSD ?? '');
}

function requireBuild(): void {
  if (!existsSync(join(packageRoot(), 'dist', 'lab', 'uvsd.js'))) {
    throw new LabError('the project is not built; run `npm run build`');
  }
}

function words(line: string): string[] {
  return line.split(' ').filter(Boolean);
}
