/**
 * What labs there are, so that a later process finds and removes what an earlier one left behind, even if
 * that one was killed.
 *
 *     /run/uvs-lab/ID/lab.json      who made it and by which plan; there before anything else of the lab
 *     /run/uvs-lab/ID/processes     one line for each long-running process: pid, start time, host, command
 *     /run/uvs-lab/ID/HOST/         a host's files: configurations, logs, sockets
 *     /var/tmp/uvs-lab/ID/          big files
 *     namespaces uvslab-ID-HOST
 */
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { LabError } from './errors.js';
import { identityOf, isRunning, signalProcess, type ProcessIdentity } from './identity.js';
import { deleteNamespace, labNamespaces, NAMESPACE_PREFIX, pidsIn } from './ip.js';
import { withLock } from './lock.js';
import type { LabPlan } from './plan.js';

const RUN_ROOT = '/run/uvs-lab';
const DATA_ROOT = '/var/tmp/uvs-lab';
const RECORD_VERSION = 1;
const ID_PATTERN = /^[a-z][a-z0-9]{0,15}$/;
const NUMBERED_IDS_MAX = 1000;

export interface LabRecord {
  readonly version: number;
  readonly id: string;
  readonly plan: LabPlan;
  /** The process whose end makes the lab a leftover; null for a lab that is kept until taken down. */
  readonly owner: ProcessIdentity | null;
}

export interface ProcessRecord extends ProcessIdentity {
  readonly host: string;
  readonly command: string;
}

export function runFolder(id: string): string {
  return join(RUN_ROOT, id);
}

export function dataFolder(id: string): string {
  return join(DATA_ROOT, id);
}

export function namespaceName(id: string, host: string): string {
  return `${NAMESPACE_PREFIX}${id}-${host}`;
}

/** Removes leftovers and makes a new lab's record under exactly this id. */
export function claimId(id: string, plan: LabPlan): LabRecord {
  checkId(id);
  return withLock(RUN_ROOT, () => {
    sweepLocked();
    if (existsSync(runFolder(id))) {
      throw new LabError(
        `lab '${id}' is up already; take it down with \`uvs lab down --lab ${id}\``,
      );
    }
    return makeRecord(id, plan);
  });
}

/** Removes leftovers and makes a new lab's record under `base`, or base2, base3 ... where that is taken. */
export function claimNumberedId(base: string, plan: LabPlan): LabRecord {
  checkId(`${base}${NUMBERED_IDS_MAX}`);
  return withLock(RUN_ROOT, () => {
    sweepLocked();
    for (let n = 1; n < NUMBERED_IDS_MAX; n++) {
      const id = n === 1 ? base : `${base}${n}`;
      if (!existsSync(runFolder(id))) return makeRecord(id, plan);
    }
    throw new LabError(`${NUMBERED_IDS_MAX} labs called ${base} are up`);
  });
}

/** Lets a lab outlive the process that made it. */
export function keepRecord(record: LabRecord): void {
  writeRecord(runFolder(record.id), { ...record, owner: null });
}

/** Labs that are up, leftovers included. */
export function listRecords(): LabRecord[] {
  return knownIds().flatMap((id) => readRecord(id) ?? []);
}

export function readRecord(id: string): LabRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(runFolder(id), 'lab.json'), 'utf8')) as LabRecord;
    return record.version === RECORD_VERSION ? record : undefined;
  } catch {
    return undefined;
  }
}

export function addProcess(id: string, process: ProcessRecord): void {
  appendFileSync(join(runFolder(id), 'processes'), `${JSON.stringify(process)}\n`);
}

/** Recorded processes that are still running. */
export function listProcesses(id: string): ProcessRecord[] {
  let text: string;
  try {
    text = readFileSync(join(runFolder(id), 'processes'), 'utf8');
  } catch {
    return [];
  }
  // The last line may be cut off where its writer was killed.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as ProcessRecord).filter(isRunning);
}

/** Takes a lab down completely: its processes, namespaces and files. */
export function removeLab(id: string): void {
  checkId(id);
  withLock(RUN_ROOT, () => removeLocked(id));
}

/** Removes every lab whose maker has ended without doing so. Returns their ids. */
export function sweep(): string[] {
  return withLock(RUN_ROOT, sweepLocked);
}

function sweepLocked(): string[] {
  const swept: string[] = [];
  // Only the lock's holder makes records: a half-made one is a dead process'.
  for (const name of entriesOfRoot()) {
    if (name.startsWith('.new-')) rmSync(join(RUN_ROOT, name), { recursive: true, force: true });
  }
  for (const id of knownIds()) {
    const record = readRecord(id);
    if (record !== undefined && (record.owner === null || isRunning(record.owner))) continue;
    removeLocked(id);
    swept.push(id);
  }
  return swept;
}

/** The record goes last: whoever is interrupted here leaves enough for the next one to finish. */
function removeLocked(id: string): void {
  const namespaces = labNamespaces().filter((name) => name.startsWith(namespaceName(id, '')));
  killAll(id, namespaces);
  for (const name of namespaces) deleteNamespace(name);
  rmSync(dataFolder(id), { recursive: true, force: true });
  removeIfEmpty(DATA_ROOT);
  removeTables(runFolder(id));
  rmSync(runFolder(id), { recursive: true, force: true });
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Another lab's files are in it.
  }
}

const KILL_ROUNDS_MAX = 500;
const KILL_WAIT_MS = 10;

/** Kills until nothing is left: what is being killed may still be starting children. */
function killAll(id: string, namespaces: string[]): void {
  for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
    const living = [...listProcesses(id), ...namespaces.flatMap(identitiesIn)].filter(isRunning);
    if (living.length === 0) return;
    for (const process of living) signalProcess(process, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, KILL_WAIT_MS);
  }
  throw new LabError(`some processes of lab '${id}' can't be killed`);
}

function identitiesIn(namespace: string): ProcessIdentity[] {
  return pidsIn(namespace).flatMap((pid) => identityOf(pid) ?? []);
}

/** Ids of labs that have left a folder or a namespace. */
function knownIds(): string[] {
  const fromNamespaces = labNamespaces().map((name) => name.split('-')[1]);
  const ids = new Set([...entriesOfRoot(), ...fromNamespaces]);
  return [...ids].filter((id) => ID_PATTERN.test(id)).sort();
}

function entriesOfRoot(): string[] {
  return existsSync(RUN_ROOT) ? readdirSync(RUN_ROOT) : [];
}

function makeRecord(id: string, plan: LabPlan): LabRecord {
  const record = { version: RECORD_VERSION, id, plan, owner: identityOf(process.pid) ?? null };
  const nascent = join(RUN_ROOT, `.new-${process.pid}`);
  rmSync(nascent, { recursive: true, force: true });
  mkdirSync(nascent);
  writeRecord(nascent, record);
  renameSync(nascent, runFolder(id));
  return record;
}

function writeRecord(folder: string, record: LabRecord): void {
  const file = join(folder, 'lab.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function checkId(id: string): void {
  if (!ID_PATTERN.test(id)) {
    throw new LabError(`'${id}' can't name a lab: a letter, then up to 15 letters and digits`);
  }
}

/** A director that was killed leaves its tables in shared memory, with a link to them in its state directory. */
function removeTables(folder: string): void {
  if (!existsSync(folder)) return;
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const link = join(folder, path);
    if (basename(link) !== 'tables' || !lstatSync(link).isSymbolicLink()) continue;
    rmSync(readlinkSync(link), { recursive: true, force: true });
  }
}
