/** Scheduler flags by name: three bits, of which sh and mh have names of their own for the first two. */
import { SCHED_FLAG_1, SCHED_FLAG_2, SCHED_FLAG_3 } from '../control/api.js';
import { usageFault } from './failure.js';

interface Flag {
  readonly name: string;
  readonly bit: number;
  /** The only scheduler that it is for; null for all. */
  readonly scheduler: string | null;
}

const FLAGS: readonly Flag[] = [
  { name: 'flag-1', bit: SCHED_FLAG_1, scheduler: null },
  { name: 'flag-2', bit: SCHED_FLAG_2, scheduler: null },
  { name: 'flag-3', bit: SCHED_FLAG_3, scheduler: null },
  { name: 'sh-fallback', bit: SCHED_FLAG_1, scheduler: 'sh' },
  { name: 'sh-port', bit: SCHED_FLAG_2, scheduler: 'sh' },
  { name: 'mh-fallback', bit: SCHED_FLAG_1, scheduler: 'mh' },
  { name: 'mh-port', bit: SCHED_FLAG_2, scheduler: 'mh' },
];

/** Reads a list of names, separated by commas, for a scheduler. Throws AdminError at the first bad one. */
export function parseSchedulerFlags(text: string, scheduler: string): number {
  let bits = 0;
  for (const name of text.split(',')) {
    if (name === '') continue;
    const flag = FLAGS.find((candidate) => candidate.name === name);
    if (flag === undefined) throw usageFault(`invalid scheduler flag \`${name}'`);
    if (flag.scheduler !== null && flag.scheduler !== scheduler) {
      throw usageFault(`incompatible scheduler flag \`${name}'`);
    }
    bits |= flag.bit;
  }
  return bits;
}

/**
 * The flags by the scheduler's own names where it has some, with commas between them: "sh-fallback,sh-port".
 * sh and mh show only the two that they know.
 */
export function formatSchedulerFlags(bits: number, scheduler: string): string {
  const own = FLAGS.filter((flag) => flag.scheduler === scheduler);
  const known = own.length > 0 ? own : FLAGS.filter((flag) => flag.scheduler === null);
  return known
    .filter((flag) => (bits & flag.bit) !== 0)
    .map((flag) => flag.name)
    .join(',');
}
