/** `uvsd --cleanup`: removes what a killed director left behind, and refuses while one is at work. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTables } from '../../dataplane/sys/nftables.js';
import { Sysctls } from '../../dataplane/sys/sysctl.js';
import { endOrphan } from '../worker/owner.js';
import { TABLE_NAME } from './hiding.js';
import { detachLeftPrograms } from './fast-path.js';
import { readFootprint, removeFootprint } from './footprint.js';
import { lockStateDirectory } from './lock.js';
import { lockNetwork } from './network-lock.js';
import { removeSavedRules } from './rules-keeper.js';
import { removeTables as removeStateTables, TABLES } from './state-directory.js';

/** Returns what was removed or put back, for people. Rejects with DirectorRunningError. */
export async function cleanUp(stateDir: string): Promise<string[]> {
  const stateLock = lockStateDirectory(stateDir);
  try {
    const networkLock = await lockNetwork();
    try {
      return await removeLeftovers(stateDir);
    } finally {
      await networkLock.release();
    }
  } finally {
    stateLock.release();
  }
}

async function removeLeftovers(stateDir: string): Promise<string[]> {
  const done: string[] = [];
  const pid = await endOrphan(join(stateDir, TABLES));
  if (pid !== 0) done.push(`data plane ended (process ${pid})`);
  if (removeStateTables(stateDir)) done.push('connections and services removed');
  removeSavedRules(stateDir);
  done.push(...removeTables(TABLE_NAME).map((name) => `table ${name} removed`));
  done.push(...detachLeftPrograms().map((name) => `program at ${name} removed`));
  const footprint = readFootprint(stateDir);
  if (footprint === null) return done;
  rmSync(footprint.socket, { force: true });
  new Sysctls(footprint.sysctls).restore();
  removeFootprint(stateDir);
  done.push(`socket ${footprint.socket} removed`);
  for (const [name, value] of Object.entries(footprint.sysctls)) {
    done.push(`${name} set back to ${value}`);
  }
  return done;
}
