/** One process at a time looks through, claims and removes labs. A dead holder's lock doesn't count. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from './errors.js';
import { identityOf, isRunning, type ProcessIdentity } from './identity.js';

const WAIT_MS = 20;
const WAITS_MAX = 1500;

/** Runs `action` while holding the lock of `folder`, which is made if need be. */
export function withLock<T>(folder: string, action: () => T): T {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, '.lock');
  const mine = join(folder, `.lock-${process.pid}`);
  writeFileSync(mine, JSON.stringify(identityOf(process.pid)));
  try {
    acquire(lock, mine);
  } finally {
    rmSync(mine, { force: true });
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

function acquire(lock: string, mine: string): void {
  for (let attempt = 0; attempt < WAITS_MAX; attempt++) {
    if (tryLink(mine, lock)) return;
    const holder = readHolder(lock);
    if (holder !== undefined && !isRunning(holder)) discardStale(lock, mine);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
  }
  throw new LabError(`another process holds ${lock} and doesn't let go`);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(lock: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

/** Moves a dead holder's lock away; gives it back if somebody living took it in between. */
function discardStale(lock: string, mine: string): void {
  const aside = `${mine}-stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  const holder = readHolder(aside);
  if (holder !== undefined && isRunning(holder)) tryLink(aside, lock);
  rmSync(aside, { force: true });
}
