/** Telling one process from a later one that got the same number. */
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started, from /proc/PID/stat. */
  readonly startTime: string;
}

/** Fields of /proc/PID/stat after the command's name, beginning with the state (field 3, proc(5)). */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

const STATE = 0;
const START_TIME = 19;

/** Identity of a running process, undefined where there is none of that number. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  return fields === undefined ? undefined : { pid, startTime: fields[START_TIME] };
}

/** True while exactly this process runs. A zombie has ended. */
export function isRunning(process: ProcessIdentity): boolean {
  const fields = statFields(process.pid);
  if (fields === undefined || fields[STATE] === 'Z' || fields[STATE] === 'X') return false;
  return fields[START_TIME] === process.startTime;
}

/** Sends a signal to exactly this process; false where it doesn't run any more. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch {
    return false;
  }
}
