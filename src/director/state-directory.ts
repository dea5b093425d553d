/**
 * Where a director keeps what outlives it. Small files lie in the state directory itself; the tables must lie in
 * memory, or each packet might wait for a disk:
 *
 *     STATE/lock  footprint.json  rules.saved  control.sock
 *     STATE/tables/                              where the state directory is on a tmpfs
 *     STATE/tables -> /dev/shm/uvs-XXXXXX        where it isn't, and /dev/shm is
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { regionBytes } from '../../dataplane/memory/region.js';
import { tableLayouts, type Capacity } from '../../dataplane/state.js';

/** The tables' place in the state directory. */
export const TABLES = 'tables';
const SHARED_MEMORY = '/dev/shm';
const OWNER_ONLY_DIRECTORY = 0o700;
/** Of st_blocks, whatever the file system's own blocks are. */
const STAT_BLOCK_BYTES = 512;
/** f_type of statfs(2): tmpfs, ramfs. */
const MEMORY_FILE_SYSTEMS = new Set([0x01021994, 0x858458f6]);

export interface TablesPlace {
  directory: string;
  /** False where the tables lie on a disk. */
  isInMemory: boolean;
}

/** Finds or makes the place of the tables of a state directory, which must be there. */
export function tablesPlace(stateDir: string): TablesPlace {
  const directory = join(stateDir, TABLES);
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined && !isInMemory(stateDir)) {
    const place = placeInSharedMemory();
    if (place !== null) symlinkSync(place, directory);
  }
  // Whatever empties /dev/shm leaves a link to nothing.
  const target = linkTarget(directory) ?? directory;
  mkdirSync(target, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  return { directory, isInMemory: isInMemory(directory) };
}

export interface TablesRoom {
  /** A directory on the file system where the tables are or will be. */
  directory: string;
  /** What full tables take, and what there is for them. */
  neededBytes: number;
  availableBytes: number;
}

/** How much room there is for the tables of a state directory, which needn't be there yet. Changes nothing. */
export function roomForTables(stateDir: string, capacity: Capacity): TablesRoom {
  const tables = join(stateDir, TABLES);
  const directory = [tables, stateDir, dirname(stateDir)].find((path) => existsSync(path)) ?? '/';
  const place = directory === tables || isInMemory(directory) ? directory : SHARED_MEMORY;
  const layouts = Object.values(tableLayouts(capacity));
  const { bavail, bsize } = statfsSync(place);
  const own = directory === tables ? readdirSync(tables) : [];
  const ownBlocks = own.map((name) => statSync(join(tables, name)).blocks);
  return {
    directory: place,
    neededBytes: sum(layouts.map((table) => regionBytes(table.layout, table.capacity))),
    availableBytes: bavail * bsize + sum(ownBlocks) * STAT_BLOCK_BYTES,
  };
}

/** Removes the tables and their place. True where there were any. */
export function removeTables(stateDir: string): boolean {
  const directory = join(stateDir, TABLES);
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return false;
  const target = linkTarget(directory);
  if (target !== null) rmSync(target, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
  return true;
}

/** A new directory of our own in /dev/shm, null where that can't be had. */
function placeInSharedMemory(): string | null {
  try {
    return isInMemory(SHARED_MEMORY) ? mkdtempSync(join(SHARED_MEMORY, 'uvs-')) : null;
  } catch {
    return null;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function linkTarget(path: string): string | null {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? readlinkSync(path) : null;
}

function isInMemory(path: string): boolean {
  return MEMORY_FILE_SYSTEMS.has(statfsSync(path).type);
}
