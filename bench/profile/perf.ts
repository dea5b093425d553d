/** Samples of where a process is, and counts of its system calls, by Linux' perf. */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../../lab/errors.js';
import type { Frame } from './groups.js';

/** So many samples a second; odd, so as not to keep time with anything. */
export const SAMPLES_PER_SECOND = 1999;
/** Works in virtual machines, which seldom have counters of cycles. */
const EVENT = 'cpu-clock';
const OUTPUT_BYTES_MAX = 1 << 30;

/** Null where perf can sample, otherwise why it can't. */
export function perfMissing(): string | null {
  const trial = spawnSync('perf', [
    'record',
    '-q',
    '-N',
    '-e',
    EVENT,
    '-g',
    '-o',
    '/dev/null',
    '--',
    'true',
  ]);
  if (trial.error !== undefined) return 'perf is not installed';
  if (trial.status === 0) return null;
  return `perf can't sample here: ${firstLine(String(trial.stderr))}`;
}

/** Samples processes for so many seconds into a file. */
export async function record(
  pids: readonly number[],
  seconds: number,
  file: string,
): Promise<void> {
  const what = ['-q', '-N', '-e', EVENT, '-F', String(SAMPLES_PER_SECOND), '-g', '-o', file];
  await perf(['record', ...what, '-p', pids.join(','), '--', 'sleep', String(seconds)]);
}

/** The samples of a file: stacks, each from the function that ran to the first one. */
export function readStacks(file: string): Frame[][] {
  const result = spawnSync('perf', ['script', '-i', file, '-F', 'comm,ip,sym,dso'], {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (result.status !== 0) throw new LabError(`perf script: ${firstLine(result.stderr)}`);
  return parseStacks(result.stdout);
}

/** `perf script` prints a stack as a line for the program, a line for each function, and an empty line. */
export function parseStacks(text: string): Frame[][] {
  return text
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').flatMap(parseFrame))
    .filter((stack) => stack.length > 0);
}

/** "    ffffffff81e3513e sock_def_readable ([kernel.kallsyms])" */
function parseFrame(line: string): Frame[] {
  const match = /^\s+[0-9a-f]+ (.*) \(([^()]*|\[[^\]]*\]|.*\.map)\)$/.exec(line);
  return match === null ? [] : [{ symbol: match[1], object: match[2] }];
}

export interface SystemCall {
  readonly name: string;
  readonly calls: number;
  /** In them, waiting included. */
  readonly ms: number;
}

/** Null where perf can trace system calls, otherwise why it can't. */
export function traceMissing(): string | null {
  const trial = spawnSync('perf', ['trace', '-s', '--', 'true'], { encoding: 'utf8' });
  if (trial.error !== undefined) return 'perf is not installed';
  return trial.status === 0 ? null : `perf can't trace here: ${firstLine(trial.stderr)}`;
}

/** Counts the system calls of a process' first thread for so many seconds. */
export async function traceCalls(pid: number, seconds: number): Promise<SystemCall[]> {
  const args = ['trace', '-s', '-t', String(pid), '--', 'sleep', String(seconds)];
  return parseSummary(await perf(args));
}

/** "   sendmmsg           12538      0   764.100     0.017 ..." */
export function parseSummary(text: string): SystemCall[] {
  const lines = text.matchAll(/^\s+([a-z]\w*)\s+(\d+)\s+\d+\s+(\d+\.\d+)\s+\d+\.\d+\s/gm);
  return [...lines].map(([, name, calls, ms]) => ({ name, calls: Number(calls), ms: Number(ms) }));
}

/** Where Node writes the names of compiled functions for perf: /tmp/perf-PID.map. */
export class SymbolMaps {
  private readonly before = new Set(maps());

  /** Removes those that came since. */
  remove(): void {
    for (const name of maps()) {
      if (!this.before.has(name)) rmSync(join(tmpdir(), name), { force: true });
    }
  }
}

function maps(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^perf-\d+\.map$/.test(name));
}

/** Resolves to what perf prints to standard error. */
function perf(args: readonly string[]): Promise<string> {
  const child = spawn('perf', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new LabError(`cannot run perf: ${error.message}`)));
    child.on('close', (status) => {
      if (status === 0) resolve(said);
      else reject(new LabError(`perf ${args[0]}: ${firstLine(said)}`));
    });
  });
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? 'no reason given';
}
