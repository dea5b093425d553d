/**
 * Measured programs go first, so that whatever else runs on the machine takes time only that they leave. Where
 * the kernel shares processors out among sessions (autogroups, sched(7)) a process' own nice value counts only
 * within its session; then the session's must be set, too.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const NICE = -15;
const LAST = 19;

/** Lets this process, its session, and the children it starts from now on go first, until it exits. */
export function goFirst(): void {
  const nice = getPriority();
  const session = sessionNice('self');
  process.on('exit', () => {
    setPriority(nice);
    setSessionNice('self', session);
  });
  setPriority(NICE);
  setSessionNice('self', NICE);
}

/** Lets the session of a daemon go first; its own nice value is inherited. */
export function letGoFirst(pid: number): void {
  setSessionNice(String(pid), NICE);
}

/** Lets this process, and its session of which it is the only one, go last. */
export function goLast(): void {
  setPriority(LAST);
  setSessionNice('self', LAST);
}

/** "/autogroup-389 nice 0"; null where there are no autogroups. */
function sessionNice(process: string): number | null {
  try {
    const nice = /nice (-?\d+)/.exec(readFileSync(`/proc/${process}/autogroup`, 'utf8'));
    return nice === null ? null : Number(nice[1]);
  } catch {
    return null;
  }
}

function setSessionNice(process: string, nice: number | null): void {
  if (nice === null || sessionNice(process) === null) return;
  writeFileSync(`/proc/${process}/autogroup`, String(nice));
}
