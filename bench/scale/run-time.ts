/** Processor time of processes and of the kernel's own threads, from /proc (sched-stats). */
import { readdirSync, readFileSync } from 'node:fs';

const NANOSECONDS_PER_MS = 1e6;

/** The kernel's threads that do the network's work where it has become too much for interrupts. */
export function softInterruptThreads(): number[] {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers.filter((pid) => nameOf(pid).startsWith('ksoftirqd/')).map(Number);
}

function nameOf(pid: string): string {
  return attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8'), '');
}

/** Time on a processor, exact where /proc/PID/stat has hundredths of a second. */
export function runMs(pids: readonly number[]): number {
  const threads = pids.flatMap((pid) =>
    attempt(() => readdirSync(`/proc/${pid}/task`), []).map((thread) => `${pid}/task/${thread}`),
  );
  const times = threads.map((thread) =>
    attempt(() => Number(readFileSync(`/proc/${thread}/schedstat`, 'utf8').split(' ')[0]), 0),
  );
  return times.reduce((sum, time) => sum + time, 0) / NANOSECONDS_PER_MS;
}

/** Processes end while one looks at them. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
