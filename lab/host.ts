/** A host of a lab: a network namespace, a folder for its files, and ways to run commands in it. */
import { spawn, type SpawnOptions } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from './errors.js';
import { patient } from './patience.js';
import type { HostPlan } from './plan.js';
import { Daemon, LabProcess, type RunResult } from './process.js';
import { addProcess, namespaceName, runFolder } from './registry.js';

export interface RunOptions {
  /** Standard input; without it the command reads an empty one. */
  input?: string;
  /** Added to the environment. */
  env?: Record<string, string>;
  /** The command is killed and the run fails after this time. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 120_000;

export class Host {
  readonly namespace: string;
  /** For configurations, logs and sockets. */
  readonly folder: string;

  constructor(
    readonly labId: string,
    readonly plan: HostPlan,
  ) {
    this.namespace = namespaceName(labId, plan.name);
    this.folder = join(runFolder(labId), plan.name);
    mkdirSync(this.folder, { recursive: true });
  }

  get name(): string {
    return this.plan.name;
  }

  /** The first address of its first interface: "10.1.0.2". */
  get address(): string {
    return this.plan.interfaces[0].addresses[0].split('/')[0];
  }

  /** Where this host's director, if it has one, listens for commands. */
  get controlSocket(): string {
    return join(this.folder, 'uvs.sock');
  }

  /** The lab's own commands (uvsadm, ipvsadm, uvsd ...) come first in PATH and keep to this host's folder. */
  environment(added: Record<string, string> = {}): NodeJS.ProcessEnv {
    const path = `${join(runFolder(this.labId), 'bin')}:${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
    return {
      ...process.env,
      PATH: path,
      UVS_SOCKET: this.controlSocket,
      UVS_LAB_FOLDER: this.folder,
      ...added,
    };
  }

  /** Runs a command to its end. Its exit status, whatever it is, is part of the answer. */
  async run(
    command: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult> {
    const process = this.spawn(command, args, options);
    process.write(options.input ?? '');
    process.endInput();
    const timeoutMs = patient(options.timeoutMs ?? TIMEOUT_MS);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      void process.stop('SIGKILL');
    }, timeoutMs);
    try {
      const result = await process.done;
      if (late)
        throw new LabError(`${this.name}: ${process.command} took more than ${timeoutMs} ms`);
      return result;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a command that must succeed, and returns its standard output. */
  async output(
    command: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<string> {
    const result = await this.run(command, args, options);
    if (result.exit !== 0) {
      const status = result.signal ?? `status ${result.exit}`;
      const said = `${result.stderr}${result.stdout}`.trim();
      throw new LabError(`${this.name}: ${command} ${args.join(' ')}: ${status}: ${said}`);
    }
    return result.stdout;
  }

  /** Starts a command and doesn't wait. Its standard input stays open. */
  spawn(command: string, args: readonly string[], options: RunOptions = {}): LabProcess {
    const child = this.start(command, args, { env: this.environment(options.env), stdio: 'pipe' });
    return new LabProcess(child, `${command} ${args.join(' ')}`);
  }

  /** Starts a command with this process' own terminal. Resolves to its exit status. */
  async interact(command: string, args: readonly string[]): Promise<number> {
    const child = this.start(command, args, { env: this.environment(), stdio: 'inherit' });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (exit, signal) => resolve(exit ?? (signal === null ? 1 : 128)));
    });
  }

  /** Starts a long-running command with a log file called after it, in a session of its own. */
  daemon(name: string, command: string, args: readonly string[], options: RunOptions = {}): Daemon {
    const logFile = join(this.folder, `${name}.log`);
    const log = openSync(logFile, 'a');
    try {
      const logStart = fstatSync(log).size;
      const child = this.start(command, args, {
        env: this.environment(options.env),
        stdio: ['ignore', log, log],
        detached: true,
      });
      const daemon = new Daemon(child, `${this.name}: ${name}`, logFile, logStart);
      addProcess(this.labId, { ...daemon.identity, host: this.name, command: name });
      return daemon;
    } finally {
      closeSync(log);
    }
  }

  /** `ip netns exec` replaces itself by the command: the child's pid is the command's. */
  private start(command: string, args: readonly string[], options: SpawnOptions) {
    return spawn('ip', ['netns', 'exec', this.namespace, command, ...args], options);
  }
}
