/** Runs one of the project's programs in an emulated machine with Debian's kernel, on the host's own files. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { requireMachine } from '../../lab/needs.js';
import { packageRoot } from '../../src/package.js';
import { cacheFolder, makeRunFolder } from './cache.js';
import { guestScript, OUTPUT, START, STATUS } from './guest.js';
import { packInitramfs } from './initramfs.js';
import { LOCKED, QEMU, qemuCommand, type Clock } from './qemu.js';
import { prepareSystem } from './system.js';

const COMMANDS = [QEMU, 'busybox', 'cpio', 'depmod', 'modprobe', 'flock', 'setpriv', 'dpkg-deb'];
const PACE: Readonly<Record<Clock, string>> = {
  instructions: 'one of its seconds takes ten of ours or more',
  host: 'everything takes 20 to 30 times as long there',
};
/** With more of them QEMU is busy with keeping them apart. */
const PROCESSORS_MAX = 4;
const MEMORY_MB = 3072;
const CONSOLE_SHOWN_MAX = 2000;

export interface EmulatedProgram {
  /** In the project's folder: "dist/bench/macro/main.js". */
  readonly program: string;
  readonly args: readonly string[];
  /** Kernel modules to be loaded before, with their parameters: ["ip_vs conn_tab_bits=20"]. */
  readonly modules?: readonly string[];
  readonly clock: Clock;
  readonly memoryMb?: number;
  /** The machine is switched off, and the run fails, after so long. */
  readonly timeoutMs: number;
}

export interface EmulatedRun {
  /** The program's exit status. */
  readonly status: number;
  /** Its standard output. Its standard error has been shown on this process' while it ran. */
  readonly stdout: string;
  /** A file that it has written to SHARE (of guest.ts). Throws LabError where there is none. */
  readFile(name: string): string;
}

export function emulatedProcessors(clock: Clock): number {
  return clock === 'instructions' ? 1 : Math.min(availableParallelism(), PROCESSORS_MAX);
}

/**
 * Boots, runs the program, switches off. The guest sees the host's files as they are and writes to memory; nothing
 * but SHARE outlives it. Throws LabError where it doesn't come so far as to run the program to its end.
 */
export async function runEmulated(program: EmulatedProgram): Promise<EmulatedRun> {
  requireMachine(COMMANDS);
  const { memoryMb = MEMORY_MB } = program;
  if (freemem() < memoryMb * 2 ** 20) {
    throw new LabError(`the emulated machine needs ${memoryMb} MB of free memory`);
  }
  const system = prepareSystem(say);
  const folder = makeRunFolder();
  const share = join(folder, 'share');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.on('exit', remove);
  try {
    const script = guestScript({
      ...system,
      modules: program.modules ?? [],
      folder: packageRoot(),
      command: [process.execPath, program.program, ...program.args],
      isTerminal: process.stderr.isTTY,
    });
    writeFileSync(join(share, START), script);
    const command = qemuCommand({
      kernelImage: system.kernelImage,
      initramfs: packInitramfs(system, folder),
      shareFolder: share,
      lockFile: join(cacheFolder(), 'lock'),
      clock: program.clock,
      processors: emulatedProcessors(program.clock),
      memoryMb,
    });
    say(`booting Linux ${system.version}; ${PACE[program.clock]}`);
    const said = await runQemu(command, program.timeoutMs);
    return collect(share, said);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

function say(text: string): void {
  process.stderr.write(`emulated machine: ${text}\n`);
}

/** Shows the console on standard error; resolves to its end once the machine is off. */
async function runQemu([command, ...args]: string[], timeoutMs: number): Promise<string> {
  const qemu = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => qemu.kill('SIGKILL');
  process.on('exit', kill);
  const timer = setTimeout(kill, timeoutMs);
  let said = '';
  for (const stream of [qemu.stdout, qemu.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      said = `${said}${text}`.slice(-CONSOLE_SHOWN_MAX);
    });
  }
  try {
    const { status, signal } = await ended(qemu);
    if (status === LOCKED) throw new LabError('another emulated machine is running; one at a time');
    if (signal === 'SIGKILL') {
      throw new LabError(`the emulated machine was not done after ${timeoutMs / 60_000} minutes`);
    }
    if (status !== 0) throw new LabError(`QEMU ended with status ${status ?? signal}`);
    return said;
  } finally {
    clearTimeout(timer);
    process.off('exit', kill);
  }
}

interface End {
  status: number | null;
  signal: NodeJS.Signals | null;
}

function ended(child: ChildProcess): Promise<End> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new LabError(`cannot start QEMU: ${error.message}`)));
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
}

function collect(share: string, said: string): EmulatedRun {
  const files = new Map(
    readdirSync(share).map((name) => [name, readFileSync(join(share, name), 'utf8')] as const),
  );
  const status = files.get(STATUS);
  if (status === undefined) {
    throw new LabError(`the emulated machine ended before its time; its console:\n${said}`);
  }
  return {
    status: Number(status),
    stdout: files.get(OUTPUT) ?? '',
    readFile: (name) => {
      const text = files.get(name);
      if (text !== undefined) return text;
      throw new LabError(`the program in the emulated machine has not written ${name}`);
    },
  };
}
