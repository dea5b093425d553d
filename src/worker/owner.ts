/**
 * One writer of the tables: the worker that holds the lock of a file beside them. The kernel gives the lock back
 * when the process ends, however it ends; the file says who holds it.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { check } from '../../dataplane/sys/errors.js';
import { flock, LOCK_EX, LOCK_NB } from '../../dataplane/sys/libc.js';

const FILE = 'owner';
const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY = 0o600;
const LOOK_MS = 5;
/** A worker stops packets and ends at once; one that doesn't is ended by force. */
const PATIENCE_MS = 2000;

/** Becomes the owner of the tables, for as long as the process lives; waits for a predecessor that is dying. */
export function ownTables(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  const fd = openSync(join(directory, FILE), 'a+', OWNER_ONLY);
  check('flock', flock(fd, LOCK_EX));
  ftruncateSync(fd);
  writeSync(fd, String(process.pid));
}

/** Asks a worker to end whose director is gone; resolves to its process number, 0 where there was none. */
export async function endOrphan(directory: string): Promise<number> {
  const file = join(directory, FILE);
  if (isFree(file)) return 0;
  const pid = Number(readFileSync(file, 'utf8'));
  if (!Number.isInteger(pid) || pid < 2) throw new Error(`${file} doesn't say who holds its lock`);
  const end = performance.now() + PATIENCE_MS;
  signal(pid, 'SIGTERM');
  let isForced = false;
  while (!isFree(file)) {
    if (!isForced && performance.now() > end) {
      isForced = true;
      signal(pid, 'SIGKILL');
    }
    await pause(LOOK_MS);
  }
  return pid;
}

function isFree(file: string): boolean {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  try {
    return flock(fd, LOCK_EX | LOCK_NB) >= 0;
  } finally {
    closeSync(fd);
  }
}

/** Throws where the process is another user's: even user 0 may not end it without CAP_KILL. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It has just ended.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw new Error(
      `can't end the data plane of an earlier director, process ${pid}, which runs as another user; ` +
        'end it as that user, or with `uvsd --cleanup` as root',
      { cause: error },
    );
  }
}
