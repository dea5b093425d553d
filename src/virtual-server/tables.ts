/**
 * The tables of a director as files in a directory, one a table, mapped into memory: what is in them outlives
 * the process. A file that can't be used (damaged, cut short, foreign, of another layout or an earlier boot) is
 * kept aside under another name, and said to be, and a new one takes its place.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  HEADER_WORDS,
  readHeader,
  RegionError,
  regionBytes,
  writeCapacity,
} from '../../dataplane/memory/region.js';
import {
  tableLayouts,
  type Capacity,
  type StateMemory,
  type TableName,
} from '../../dataplane/state.js';
import { MappedFile } from '../../dataplane/sys/mapped-file.js';

const BOOT_FILE = 'boot';
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const ASIDE_SUFFIX = '.aside';
const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY = 0o600;
const NO_CAPACITY: Capacity = { connections: 0, services: 0, destinations: 0 };

/** Records of connections name servers by their record numbers: without the one the other means nothing. */
const FOLLOWS: Partial<Record<TableName, TableName[]>> = {
  services: ['destinations', 'connections', 'journal'],
  destinations: ['services', 'connections', 'journal'],
};

export interface Tables {
  memory: StateMemory;
  capacity: Capacity;
}

export interface OpenedTables extends Tables {
  /** True where services and connections of an earlier process were found. */
  areTakenOver: boolean;
  /** What was kept aside or is otherwise worth knowing, sentences for people. */
  notes: string[];
}

/**
 * Opens the tables in a directory, which is made where there is none, for the one process that writes them.
 * Capacities other than those of `wanted` are kept where the tables are fuller than that. Throws what the file
 * system says, or SysError.
 */
export function openTables(directory: string, wanted: Capacity): OpenedTables {
  mkdirSync(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  const notes = new Set<string>();
  const aside = unusable(directory, wanted, notes);
  if (aside.size > 0) {
    const files = setTablesAside(directory, [...aside]);
    if (files.length > 0) notes.add(`kept aside: ${files.join(', ')}`);
  }
  const connections = fitConnections(directory, wanted, notes);
  const capacity = { ...wanted, connections };
  const areTakenOver = existsSync(join(directory, 'services'));
  writeFileSync(join(directory, BOOT_FILE), bootId(), { mode: OWNER_ONLY });
  return { memory: mapAll(directory, capacity), capacity, areTakenOver, notes: [...notes] };
}

/** Maps the tables of a running data plane, to look at only. Throws where they aren't complete. */
export function viewTables(directory: string, wanted: Capacity): Tables {
  const header = headerOf(directory, 'connections', wanted);
  if (header === null) throw new RegionError('there are no tables');
  const capacity = { ...wanted, connections: header.capacity };
  const memory = Object.fromEntries(
    tableNames(wanted).map((name) => [name, { buffer: MappedFile.view(join(directory, name)) }]),
  ) as StateMemory;
  return { memory, capacity };
}

/** Which files the tables are at present: another text where one of them was made anew. */
export function tablesIdentity(directory: string): string {
  const files = tableNames(NO_CAPACITY).map((name) => {
    const { dev, ino } = statSync(join(directory, name));
    return `${dev}:${ino}`;
  });
  return files.join(' ');
}

/** Renames tables, all of them by default, so that new ones are made; returns the files they are in now. */
export function setTablesAside(directory: string, names?: readonly TableName[]): string[] {
  const files: string[] = [];
  for (const name of names ?? (Object.keys(tableLayouts(NO_CAPACITY)) as TableName[])) {
    const file = join(directory, name);
    if (!existsSync(file)) continue;
    renameSync(file, `${file}${ASIDE_SUFFIX}`);
    files.push(`${file}${ASIDE_SUFFIX}`);
  }
  return files;
}

/** The tables that can't be used, and those that mean nothing without them. */
function unusable(directory: string, wanted: Capacity, notes: Set<string>): Set<TableName> {
  const names = tableNames(wanted);
  if (isOfEarlierBoot(directory)) {
    notes.add('the tables are of an earlier boot');
    return new Set(names);
  }
  const aside = new Set<TableName>();
  for (const name of names) {
    try {
      headerOf(directory, name, wanted);
    } catch (error) {
      if (!(error instanceof RegionError)) throw error;
      notes.add(`table ${name} can't be used: ${error.message}`);
      for (const other of [name, ...(FOLLOWS[name] ?? [])]) aside.add(other);
    }
  }
  return aside;
}

/** What a table's header says, null where there is no such file. Throws RegionError where it can't be used. */
function headerOf(
  directory: string,
  name: TableName,
  wanted: Capacity,
): { capacity: number; highWater: number } | null {
  const file = join(directory, name);
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return null;
  const { layout, capacity } = tableLayouts(wanted)[name];
  const words = readWords(file, HEADER_WORDS);
  // A process that died between making the file and writing its header.
  if (words.every((word) => word === 0)) return null;
  const header = readHeader(layout, words);
  const bytes = regionBytes(layout, header.capacity);
  if (size < bytes) throw new RegionError(`cut short: ${size} bytes, there should be ${bytes}`);
  if (name !== 'connections' && header.capacity !== capacity) {
    throw new RegionError(`made for ${header.capacity} records, not ${capacity}`);
  }
  return header;
}

/** Gives the table of connections the room that is wanted, or leaves it the room it needs; returns that. */
function fitConnections(directory: string, wanted: Capacity, notes: Set<string>): number {
  const header = headerOf(directory, 'connections', wanted);
  if (header === null || header.capacity === wanted.connections) return wanted.connections;
  if (header.highWater > wanted.connections) {
    notes.add(
      `the table of connections stays at ${header.capacity}: ${header.highWater} records of it were used`,
    );
    return header.capacity;
  }
  const file = join(directory, 'connections');
  const words = readWords(file, HEADER_WORDS);
  writeCapacity(words, wanted.connections);
  // The old size is larger or is corrected when the file is mapped.
  const fd = openSync(file, 'r+');
  writeSync(fd, new Uint8Array(words.buffer), 0, words.byteLength, 0);
  closeSync(fd);
  return wanted.connections;
}

function mapAll(directory: string, capacity: Capacity): StateMemory {
  const tables = Object.entries(tableLayouts(capacity)).map(([name, table]) => {
    const file = MappedFile.open(join(directory, name), regionBytes(table.layout, table.capacity));
    const headerBytes = regionBytes(table.layout, 0);
    if (!file.back(headerBytes))
      throw new Error(`no room in ${directory} for the table of ${name}`);
    return [name, { buffer: file.buffer, back: (bytes: number) => file.back(bytes) }];
  });
  return Object.fromEntries(tables) as StateMemory;
}

function readWords(file: string, count: number): Int32Array {
  const words = new Int32Array(count);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, new Uint8Array(words.buffer), 0, words.byteLength, 0);
  } finally {
    closeSync(fd);
  }
  return words;
}

function tableNames(capacity: Capacity): TableName[] {
  return Object.keys(tableLayouts(capacity)) as TableName[];
}

function isOfEarlierBoot(directory: string): boolean {
  const file = join(directory, BOOT_FILE);
  return existsSync(file) && readFileSync(file, 'utf8') !== bootId();
}

/** A tick count begins anew with each boot. */
function bootId(): string {
  return readFileSync(BOOT_ID, 'utf8');
}
