/** `uvsd --cleanup`: removes what a killed director left behind, and refuses while one is at work. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTables } from '../../dataplane/sys/nftables.js';
import { Sysctls } from '../../dataplane/sys/sysctl.js';
import { removeLeftFiles } from '../observe/procfs/leftovers.js';
import { endOrphan } from '../worker/owner.js';
import { TABLE_NAME } from './hiding.js';
import { detachLeftPrograms } from './fast-path.js';
import { readFootprint, removeFootprint, type Footprint } from './footprint.js';
import { lockStateDirectory } from './lock.js';
import { lockNetwork } from './network-lock.js';
import type { Options } from './options.js';
import { removeSavedRules } from './rules-keeper.js';
import { removeTables as removeStateTables, TABLES } from './state-directory.js';

/** Where a director was at work. */
type Leftovers = Pick<Options, 'stateDir' | 'procfsDir'>;

/** Returns what was removed or put back, for people. Rejects with DirectorRunningError. */
export async function cleanUp(options: Leftovers): Promise<string[]> {
  const { stateDir } = options;
  const stateLock = lockStateDirectory(stateDir);
  try {
    const networkLock = await lockNetwork();
    try {
      return await removeLeftovers(options);
    } finally {
      await networkLock.release();
    }
  } finally {
    stateLock.release();
  }
}

async function removeLeftovers({ stateDir, procfsDir }: Leftovers): Promise<string[]> {
  const done: string[] = [];
  const pid = await endOrphan(join(stateDir, TABLES));
  if (pid !== 0) done.push(`data plane ended (process ${pid})`);
  if (removeStateTables(stateDir)) done.push('connections and services removed');
  removeSavedRules(stateDir);
  done.push(...removeTables(TABLE_NAME).map((name) => `table ${name} removed`));
  done.push(...detachLeftPrograms().map((name) => `program at ${name} removed`));
  const footprint = readFootprint(stateDir);
  if (footprint !== null) done.push(...undo(stateDir, footprint));
  for (const directory of new Set([procfsDir, footprint?.procfsDir ?? null])) {
    if (directory === null) continue;
    done.push(...removeLeftFiles(directory).map((file) => `file ${file} removed`));
  }
  return done;
}

/** What the director had written down of itself. */
function undo(stateDir: string, footprint: Footprint): string[] {
  rmSync(footprint.socket, { force: true });
  new Sysctls(footprint.sysctls).restore();
  removeFootprint(stateDir);
  const settings = Object.entries(footprint.sysctls);
  return [
    `socket ${footprint.socket} removed`,
    ...settings.map(([name, value]) => `${name} set back to ${value}`),
  ];
}
