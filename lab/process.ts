/** Processes in a lab: commands whose output is wanted, and daemons that write a log. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from './errors.js';
import { identityOf, isRunning, signalProcess, type ProcessIdentity } from './identity.js';
import { patient } from './patience.js';

export interface RunResult {
  /** Exit status, null where a signal ended it. */
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const POLL_MS = 10;
/** The machine may have other things to do. */
const PATIENCE_MS = 30_000;

/** A running command with its output collected. */
export class LabProcess {
  readonly pid: number;
  /** Resolves once it has ended and all its output is there. */
  readonly done: Promise<RunResult>;
  stdout = '';
  stderr = '';
  private watchers: (() => void)[] = [];
  private ended = false;

  constructor(
    private readonly child: ChildProcess,
    readonly command: string,
  ) {
    this.pid = child.pid ?? 0;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.notify();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.notify();
    });
    // A command that ends without reading its input is no failure of ours.
    child.stdin?.on('error', () => undefined);
    this.done = new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new LabError(`cannot run ${command}: ${error.message}`)));
      child.on('close', (exit, signal) => {
        this.ended = true;
        this.notify();
        resolve({ exit, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    this.done.catch(() => undefined);
  }

  /** Resolves to the match once standard output and error hold one; fails if the process ends first. */
  async output(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      if (this.ended) {
        const said = `${this.stdout}${this.stderr}`.trim();
        throw new LabError(`${this.command} ended without ${String(pattern)}: ${said}`);
      }
      await new Promise<void>((resolve) => this.watchers.push(resolve));
    }
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  /** Sends the signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<RunResult> {
    this.child.kill(signal);
    return this.done;
  }

  private notify(): void {
    const watchers = this.watchers;
    this.watchers = [];
    for (const watcher of watchers) watcher();
  }
}

/** A process of its own session, with a log file, that may outlive its maker. */
export class Daemon {
  readonly identity: ProcessIdentity;
  private readonly exited: Promise<number | null>;

  /** `logStart`: length of the log file in bytes before this process was started. */
  constructor(
    private readonly child: ChildProcess,
    readonly name: string,
    readonly logFile: string,
    private readonly logStart: number,
  ) {
    const identity = identityOf(child.pid ?? 0);
    if (identity === undefined) throw new LabError(`cannot start ${name}`);
    this.identity = identity;
    this.exited = new Promise((resolve) => child.on('exit', (exit) => resolve(exit)));
    child.unref();
  }

  get pid(): number {
    return this.identity.pid;
  }

  get running(): boolean {
    return (
      this.child.exitCode === null && this.child.signalCode === null && isRunning(this.identity)
    );
  }

  /** What it has written so far. */
  log(): string {
    return readFileSync(this.logFile).subarray(this.logStart).toString();
  }

  /** Resolves once the log has a match, counted from `from` characters on. */
  async logged(pattern: RegExp, timeoutMs = PATIENCE_MS, from = 0): Promise<RegExpExecArray> {
    return this.await(`to log ${String(pattern)}`, timeoutMs, () =>
      pattern.exec(this.log().slice(from)),
    );
  }

  /** Resolves once a TCP socket of its host listens on the port. */
  async listening(port: number, timeoutMs = PATIENCE_MS): Promise<void> {
    await this.await(`to listen on port ${port}`, timeoutMs, () =>
      listensOn(this.pid, port) ? true : null,
    );
  }

  /** Sends the signal and waits for the end; resolves to the exit status, null if the signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = PATIENCE_MS): Promise<number | null> {
    this.child.ref();
    signalProcess(this.identity, signal);
    const timeout = new AbortController();
    const late = pause(patient(timeoutMs), 'late' as const, { signal: timeout.signal }).catch(
      () => null,
    );
    const exit = await Promise.race([this.exited, late]);
    timeout.abort();
    this.child.unref();
    if (exit === 'late') throw this.failure(`did not end on ${signal} within ${timeoutMs} ms`);
    return exit;
  }

  private async await<T>(what: string, timeoutMs: number, look: () => T | null): Promise<T> {
    const attempts = Math.ceil(patient(timeoutMs) / POLL_MS);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const running = this.running;
      const found = look();
      if (found !== null) return found;
      if (!running) throw this.failure(`ended when it was expected ${what}`);
      await pause(POLL_MS);
    }
    throw this.failure(`was expected ${what} within ${timeoutMs} ms`);
  }

  private failure(what: string): LabError {
    const lines = this.log().trimEnd().split('\n').slice(-20).join('\n');
    return new LabError(`${this.name} ${what}; its log ends with:\n${lines}`);
  }
}

const TCP_LISTEN = '0A';

/** True where a TCP socket in the network namespace of a process listens on the port (proc_net_tcp). */
function listensOn(pid: number, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].some((table) => {
    const lines = readTable(`/proc/${pid}/net/${table}`).split('\n').slice(1);
    return lines.some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return state === TCP_LISTEN && local.endsWith(suffix);
    });
  });
}

/** A table of /proc; empty where the process has ended. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
