/** Processor time, memory and placement of processes, from /proc (proc(5)). */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { LabError } from '../../lab/errors.js';

/** USER_HZ: the unit of times in /proc, the same on every machine that Node supports. */
const TICKS_PER_SECOND = 100;
const TICK_MS = 1000 / TICKS_PER_SECOND;
/** Fields of /proc/PID/stat behind the command's name, counted from the state on. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const CHILDREN_USER_TIME = 13;

export interface CpuTime {
  userMs: number;
  systemMs: number;
}

export function cpuTime(pids: readonly number[]): CpuTime {
  const sum = { userMs: 0, systemMs: 0 };
  for (const pid of pids) {
    const fields = statFields(String(pid));
    sum.userMs += Number(fields[USER_TIME]) * TICK_MS;
    sum.systemMs += Number(fields[SYSTEM_TIME]) * TICK_MS;
  }
  return sum;
}

/** User time of this process and of all children that have ended. */
export function ownUserMs(): number {
  const fields = statFields('self');
  return (Number(fields[USER_TIME]) + Number(fields[CHILDREN_USER_TIME])) * TICK_MS;
}

/** Time of all processors together, since the machine was started. */
export interface HostTime {
  /** What programs of all users took. */
  userMs: number;
  /** What the kernel did for them, without interrupts. */
  systemMs: number;
  /** Interrupts, soft ones too: most of what the network takes. */
  interruptMs: number;
  idleMs: number;
  /** What other virtual machines took from this one. */
  stealMs: number;
}

export function hostTime(): HostTime {
  const [, user, nice, system, idle, wait, hard, soft, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .map((ticks) => Number(ticks) * TICK_MS);
  return {
    userMs: user + nice,
    systemMs: system,
    interruptMs: hard + soft,
    idleMs: idle + wait,
    stealMs: steal,
  };
}

export interface Memory {
  /** In memory now, and the most there ever was. */
  residentMb: number;
  residentPeakMb: number;
}

export function memory(pids: readonly number[]): Memory {
  const sum = { residentMb: 0, residentPeakMb: 0 };
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    sum.residentMb += kilobytes(text, 'VmRSS') / 1024;
    sum.residentPeakMb += kilobytes(text, 'VmHWM') / 1024;
  }
  return sum;
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

/** Process ids of a single-threaded process' children. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** Has all threads of a process, and all it starts from now on, run on these processors only: "0,1". */
export function pin(pid: number, processors: string): void {
  const result = spawnSync('taskset', ['-apc', processors, String(pid)], { encoding: 'utf8' });
  if (result.error !== undefined) throw new LabError(`cannot run taskset: ${result.error.message}`);
  if (result.status !== 0) throw new LabError(`taskset ${processors} ${pid}: ${result.stderr}`);
}

function statFields(process: string): string[] {
  const text = readFileSync(`/proc/${process}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
