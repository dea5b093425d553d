/**
 * An undo journal: a command on services and servers is made as a whole or not at all, even if the process dies
 * in the middle of it.
 *
 *     begin(n)   pending = n
 *     save       a copy of each record, before it is changed
 *     commit     committed = n: one word decides
 *
 * Whoever opens the tables next finds `pending` and `committed` apart, if a command was cut short, and puts the
 * copies back. `committed` also tells whether a command whose answer got lost had been carried out.
 *
 *     word   0      1      2 ..
 *          +------+------+------------------+
 *          | kind | rec. | the record, copied
 *          +------+------+------------------+
 */
import type { RecordLayout, Region } from './region.js';

const COPY_WORDS = 32;
const COPY = 2;

export const JOURNAL_LAYOUT: RecordLayout = { kind: 6, version: 1, recordWords: COPY + COPY_WORDS };

const WORDS = JOURNAL_LAYOUT.recordWords;
const KIND = 0;
const RECORD = 1;
/** In the region's header, behind what every region has there. */
const PENDING = 8;
const COMMITTED = 9;
/** Records that a command may add beside those that are there already. */
const NEW_RECORDS = 64;
const RECORD_SPAN = 2 ** 32;

export class Journal {
  private readonly words: Int32Array;
  private isOpen = false;
  /** What has been kept in this command: each record needs one copy only. */
  private readonly kept = new Set<number>();

  /** `tables` are those whose records are kept; each of at most 32 words a record. */
  constructor(
    private readonly region: Region,
    private readonly tables: readonly Region[],
  ) {
    this.words = region.words;
  }

  /** Number of the last command that was carried out. */
  get committed(): number {
    return this.words[COMMITTED];
  }

  /** A command begins. False where there is no memory to keep copies in: then it must not. */
  begin(command: number): boolean {
    if (!this.makeRoom(NEW_RECORDS)) return false;
    this.region.highWater = 0;
    this.kept.clear();
    this.words[PENDING] = command;
    this.isOpen = true;
    return true;
  }

  /** Makes sure of memory to keep copies in, where a command adds more records than most. */
  makeRoom(newRecords: number): boolean {
    const used = this.tables.reduce((sum, table) => sum + table.highWater, newRecords);
    return this.region.back(Math.min(used, this.region.capacity));
  }

  /** Keeps a record as it is, if a command is under way. */
  save(table: Region, record: number): void {
    const name = table.kind * RECORD_SPAN + record;
    if (!this.isOpen || this.kept.has(name)) return;
    // Counted only once it is complete.
    const copy = this.region.highWater + 1;
    if (!this.region.back(copy)) throw new Error('no room left in the journal');
    const base = copy * WORDS;
    this.words[base + KIND] = table.kind;
    this.words[base + RECORD] = record;
    const from = table.base(record);
    for (let i = 0; i < table.recordWords; i++) this.words[base + COPY + i] = table.words[from + i];
    this.region.highWater = copy;
    this.kept.add(name);
  }

  /** The command is carried out. */
  commit(): void {
    this.words[COMMITTED] = this.words[PENDING];
    this.isOpen = false;
  }

  /** The command was refused and has changed nothing. */
  abort(): void {
    this.words[PENDING] = this.words[COMMITTED];
    this.isOpen = false;
  }

  /** Puts back what a command that was cut short has changed. True where there was one. */
  undo(): boolean {
    if (this.words[PENDING] === this.words[COMMITTED]) return false;
    for (let copy = 1; copy <= this.region.highWater; copy++) this.putBack(copy * WORDS);
    this.abort();
    return true;
  }

  private putBack(base: number): void {
    const table = this.tables.find(({ kind }) => kind === this.words[base + KIND]);
    const record = this.words[base + RECORD];
    if (table === undefined || record < 1 || record > table.capacity) return;
    const to = table.base(record);
    for (let i = 0; i < table.recordWords; i++) table.words[to + i] = this.words[base + COPY + i];
  }
}
