/**
 * One director a state directory. The lock is the kernel's (flock on an open file), so it ends with the process
 * however that ends, and a file that a dead director left locks nobody out. The file says who holds it.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { flock, LOCK_EX, LOCK_NB } from '../../dataplane/sys/libc.js';

const LOCK_NAME = 'lock';
const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY_FILE = 0o600;
/** Losing the race against one that is just ending its hold, this often in a row, doesn't happen. */
const ATTEMPTS_MAX = 100;

/** Another director is at work here. `pid` is 0 where it didn't say who it is. */
export class DirectorRunningError extends Error {
  override name = 'DirectorRunningError';

  constructor(
    /** What it uses: a directory, a network. */
    what: string,
    readonly pid: number,
  ) {
    const who = pid === 0 ? 'another director' : `another director (process ${pid})`;
    super(`${who} uses ${what}; stop it first`);
  }
}

const holderSchema = z.object({ pid: z.int(), madeDirectory: z.boolean() });
type Holder = z.infer<typeof holderSchema>;

/**
 * Makes the directory where there is none (its parent must be there) and locks it. Throws
 * DirectorRunningError, or an error that says why the directory can't be used.
 */
export function lockStateDirectory(directory: string): StateLock {
  const made = makeDirectory(directory);
  const file = join(directory, LOCK_NAME);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const fd = openLock(file);
    const before = readHolder(file);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
      closeSync(fd);
      throw new DirectorRunningError(directory, before?.pid ?? 0);
    }
    if (isStillThere(fd, file)) {
      const holder = { pid: process.pid, madeDirectory: made || before?.madeDirectory === true };
      ftruncateSync(fd);
      writeSync(fd, `${JSON.stringify(holder)}\n`);
      return new StateLock(directory, file, fd, holder);
    }
    // Between opening and locking, its holder ended and removed it: a lock on nothing.
    closeSync(fd);
  }
  throw new Error(`can't lock ${file}: it is removed again and again`);
}

export class StateLock {
  constructor(
    readonly directory: string,
    private readonly file: string,
    private readonly fd: number,
    private readonly holder: Holder,
  ) {}

  /** Gives the lock up and removes its file, and the directory if a director made it and it is empty. */
  release(): void {
    unlinkSync(this.file);
    closeSync(this.fd);
    if (!this.holder.madeDirectory) return;
    try {
      rmdirSync(this.directory);
    } catch {
      // Not empty: what is in it isn't ours.
    }
  }
}

/** True where it wasn't there before. */
function makeDirectory(directory: string): boolean {
  try {
    mkdirSync(directory, OWNER_ONLY_DIRECTORY);
    return true;
  } catch (error) {
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    throw new Error(`can't make the state directory: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function openLock(file: string): number {
  try {
    return openSync(file, 'a+', OWNER_ONLY_FILE);
  } catch (error) {
    const user = `user ${process.geteuid?.()}`;
    throw new Error(
      `can't use the state directory as ${user}: ${(error as Error).message}; chown it, or remove it`,
      { cause: error },
    );
  }
}

function isStillThere(fd: number, file: string): boolean {
  const path = statSync(file, { throwIfNoEntry: false });
  return path !== undefined && path.ino === fstatSync(fd).ino;
}

function readHolder(file: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}
