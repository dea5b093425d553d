/**
 * Where the emulated machine's parts are kept from one run to the next:
 *
 *     FOLDER/system-VERSION/    a kernel with its modules, ipvsadm with its libraries
 *     FOLDER/runs/PID/          a machine that is running: what it and the host hand each other
 *     FOLDER/lock               held by QEMU while it runs
 *
 * All of it can be removed at any time when no machine runs.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** By the XDG Base Directory Specification. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.cache'), 'uvs', 'emulated');
}

/** Makes a folder for this process' machine, and removes those of processes that were killed. */
export function makeRunFolder(): string {
  const runs = join(cacheFolder(), 'runs');
  mkdirSync(runs, { recursive: true });
  for (const pid of readdirSync(runs)) {
    if (!existsSync(`/proc/${pid}`)) rmSync(join(runs, pid), { recursive: true, force: true });
  }
  const folder = join(runs, String(process.pid));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'share'), { recursive: true });
  return folder;
}
