/**
 * A region of fixed-size records in memory that is handed in, so that a file can be mapped there and the
 * records outlive the process. Record 0 is the region's header, which makes 0 the number that means "none".
 *
 *     word   0        1        2          3         4           5
 *          +--------+--------+----------+---------+-----------+------------+----- - -
 *     rec 0| magic  | kind   | version  | words   | capacity  | high water | unused
 *          +--------+--------+----------+---------+-----------+------------+----- - -
 *     rec 1| mark   | the record's fields ...
 *          +--------+----- - -
 *
 * A record is valid only while its first word, the mark, is VALID: it is written last when a record is
 * made and cleared first when it is freed, so a process that dies in between leaves no half record behind.
 * Records above the high-water mark were never used and hold zeros.
 *
 * Memory may be reserved without being there yet, as that of a sparse file: then `back` makes sure of it, a
 * stretch at a time, before a record is used for the first time.
 */
import type { Journal } from './journal.js';

export const VALID = 0x55565331;
export const MARK = 0;

const MAGIC = 0x75767352;
const MAGIC_WORD = 0;
const KIND_WORD = 1;
const VERSION_WORD = 2;
const RECORD_WORDS_WORD = 3;
const CAPACITY_WORD = 4;
const HIGH_WATER_WORD = 5;
/** What of the header every region has. */
export const HEADER_WORDS = 6;
const WORD_BYTES = 4;
/** Records that are backed in one go, beyond the one that is needed. */
const BACKED_AHEAD_BYTES = 1 << 20;
/** After a refusal the next so many requests are refused without asking again. */
const REFUSALS_PER_QUESTION = 1024;

/** What a region holds. `version` changes with every change of a record's layout. */
export interface RecordLayout {
  kind: number;
  version: number;
  /** At least the six words of the header. */
  recordWords: number;
}

/** Where a region's records are. */
export interface RegionMemory {
  buffer: ArrayBuffer;
  /**
   * Makes sure that the first `bytes` can be written to; false where there is no memory for them. Left out
   * where that is certain from the start.
   */
  back?: (bytes: number) => boolean;
}

/** A region that can't be used: foreign, damaged, of another version or size. */
export class RegionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RegionError';
  }
}

/**
 * What a region's header says.
 * @param words the region's first words, at least the header's
 * @throws RegionError where it isn't such a region's header
 */
export function readHeader(
  layout: RecordLayout,
  words: Int32Array,
): { capacity: number; highWater: number } {
  if (words[MAGIC_WORD] !== MAGIC) throw new RegionError('not a region of records');
  if (words[KIND_WORD] !== layout.kind) throw new RegionError('holds another kind of records');
  if (words[VERSION_WORD] !== layout.version || words[RECORD_WORDS_WORD] !== layout.recordWords) {
    throw new RegionError(
      `layout version ${words[VERSION_WORD]}, this program knows ${layout.version}`,
    );
  }
  const [capacity, highWater] = [words[CAPACITY_WORD], words[HIGH_WATER_WORD]];
  if (highWater < 0 || highWater > capacity) {
    throw new RegionError(`high-water mark ${highWater} out of range`);
  }
  return { capacity, highWater };
}

/** Notes in a region's header that it has room for another number of records now. */
export function writeCapacity(words: Int32Array, capacity: number): void {
  words[CAPACITY_WORD] = capacity;
}

/** Bytes that a region of `capacity` records needs. */
export function regionBytes(layout: RecordLayout, capacity: number): number {
  return (capacity + 1) * layout.recordWords * WORD_BYTES;
}

export class Region {
  readonly words: Int32Array;
  readonly kind: number;
  readonly capacity: number;
  readonly recordWords: number;
  /** Where records are kept before a command changes them; none where nobody wants that. */
  journal: Journal | null = null;
  private readonly memory: RegionMemory;
  /** Records that have memory behind them. */
  private backed: number;
  private refusals = 0;

  /**
   * Opens a region, formats it where the memory is blank (all zeros in the header).
   * @throws RegionError where the header is not this layout's.
   */
  constructor(layout: RecordLayout, capacity: number, memory: RegionMemory) {
    if (layout.recordWords < HEADER_WORDS) throw new RegionError('records too small for a header');
    const { buffer } = memory;
    if (buffer.byteLength < regionBytes(layout, capacity)) {
      throw new RegionError(`${buffer.byteLength} bytes are too few for ${capacity} records`);
    }
    this.words = new Int32Array(buffer, 0, (capacity + 1) * layout.recordWords);
    this.kind = layout.kind;
    this.capacity = capacity;
    this.recordWords = layout.recordWords;
    this.memory = memory;
    if (this.words[MAGIC_WORD] === 0) this.format(layout);
    const held = readHeader(layout, this.words).capacity;
    if (held !== capacity) throw new RegionError(`made for ${held} records, not ${capacity}`);
    this.backed = memory.back === undefined ? capacity : this.highWater;
  }

  /** Highest record number ever used; what lies above is zero. */
  get highWater(): number {
    return this.words[HIGH_WATER_WORD];
  }

  set highWater(record: number) {
    this.words[HIGH_WATER_WORD] = record;
  }

  /** Takes the next record that was never used; 0 where there is none, or no memory for it. */
  takeNew(): number {
    const record = this.highWater + 1;
    if (!this.back(record)) return 0;
    // Behind a high-water mark that was damaged lies what was valid once.
    this.words[this.base(record) + MARK] = 0;
    this.highWater = record;
    return record;
  }

  /** Makes sure of the memory of all records up to `record`, and counts them as used. */
  reserve(record: number): boolean {
    if (!this.back(record)) return false;
    if (record > this.highWater) this.highWater = record;
    return true;
  }

  /** Makes sure of the memory of the next `records` that were never used, or of those that are left. */
  makeRoom(records: number): boolean {
    return this.back(Math.min(this.capacity, this.highWater + records));
  }

  /** As `reserve`, for what nothing works without. Throws RegionError. */
  require(record: number): void {
    if (!this.reserve(record)) throw new RegionError('no memory for its first records');
  }

  /** To be called before a command changes a record, so that the change can be undone. */
  keep(record: number): void {
    this.journal?.save(this, record);
  }

  /** Index of a record's first word. */
  base(record: number): number {
    return record * this.recordWords;
  }

  isValid(record: number): boolean {
    return this.words[record * this.recordWords] === VALID;
  }

  /** Makes sure of the memory of all records up to `record`; false where there is none. */
  back(record: number): boolean {
    if (record <= this.backed) return true;
    if (record > this.capacity) return false;
    if (this.refusals > 0) {
      this.refusals--;
      return false;
    }
    const recordBytes = this.recordWords * WORD_BYTES;
    const ahead = Math.ceil(BACKED_AHEAD_BYTES / recordBytes);
    const wanted = Math.min(this.capacity, record + ahead);
    if (this.memory.back?.((wanted + 1) * recordBytes) === false) {
      this.refusals = REFUSALS_PER_QUESTION;
      return false;
    }
    this.backed = wanted;
    return true;
  }

  private format(layout: RecordLayout): void {
    const header = this.words;
    header[KIND_WORD] = layout.kind;
    header[VERSION_WORD] = layout.version;
    header[RECORD_WORDS_WORD] = layout.recordWords;
    header[CAPACITY_WORD] = this.capacity;
    header[HIGH_WATER_WORD] = 0;
    header[MAGIC_WORD] = MAGIC;
  }
}
