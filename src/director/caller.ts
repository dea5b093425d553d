/** Who changes something: the log says so beside what was changed. */
import { readFileSync } from 'node:fs';
import type { Peer } from '../control/server.js';
import type { LogFields } from './log.js';

/** What the kernel has where nobody has logged in: the user number -1. */
const NOBODY = '4294967295';

/**
 * The process at the other end of a control connection: its number and user, and who has logged in, which stays the
 * same through sudo.
 */
export function callerFields({ pid, uid }: Peer): LogFields {
  const login = loginOf(pid);
  return { uid, pid, ...(login === null || login === uid ? {} : { login }) };
}

function loginOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/loginuid`, 'utf8').trim();
    return text === NOBODY || text === '' ? null : Number(text);
  } catch {
    // It has ended, or the kernel doesn't keep that.
    return null;
  }
}
