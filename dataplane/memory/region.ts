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
 */
export const VALID = 0x55565331;
export const MARK = 0;

const MAGIC = 0x75767352;
const MAGIC_WORD = 0;
const KIND_WORD = 1;
const VERSION_WORD = 2;
const RECORD_WORDS_WORD = 3;
const CAPACITY_WORD = 4;
const HIGH_WATER_WORD = 5;
const HEADER_WORDS = 6;
const WORD_BYTES = 4;

/** What a region holds. `version` changes with every change of a record's layout. */
export interface RecordLayout {
  kind: number;
  version: number;
  /** At least the six words of the header. */
  recordWords: number;
}

/** A region that can't be used: foreign, damaged, of another version or size. */
export class RegionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RegionError';
  }
}

/** Bytes that a region of `capacity` records needs. */
export function regionBytes(layout: RecordLayout, capacity: number): number {
  return (capacity + 1) * layout.recordWords * WORD_BYTES;
}

export class Region {
  readonly words: Int32Array;
  readonly capacity: number;
  readonly recordWords: number;

  /**
   * Opens a region, formats it where the memory is blank (all zeros in the header).
   * @throws RegionError where the header is not this layout's.
   */
  constructor(layout: RecordLayout, capacity: number, buffer: ArrayBuffer, byteOffset = 0) {
    if (layout.recordWords < HEADER_WORDS) throw new RegionError('records too small for a header');
    if (buffer.byteLength - byteOffset < regionBytes(layout, capacity)) {
      throw new RegionError(
        `${buffer.byteLength - byteOffset} bytes are too few for ${capacity} records`,
      );
    }
    this.words = new Int32Array(buffer, byteOffset, (capacity + 1) * layout.recordWords);
    this.capacity = capacity;
    this.recordWords = layout.recordWords;
    if (this.words[MAGIC_WORD] === 0) this.format(layout);
    else this.verify(layout);
  }

  /** Highest record number ever used; what lies above is zero. */
  get highWater(): number {
    return this.words[HIGH_WATER_WORD];
  }

  set highWater(record: number) {
    this.words[HIGH_WATER_WORD] = record;
  }

  /** Index of a record's first word. */
  base(record: number): number {
    return record * this.recordWords;
  }

  isValid(record: number): boolean {
    return this.words[record * this.recordWords] === VALID;
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

  private verify(layout: RecordLayout): void {
    const header = this.words;
    if (header[MAGIC_WORD] !== MAGIC) throw new RegionError('not a region of records');
    if (header[KIND_WORD] !== layout.kind) throw new RegionError('holds another kind of records');
    if (
      header[VERSION_WORD] !== layout.version ||
      header[RECORD_WORDS_WORD] !== layout.recordWords
    ) {
      throw new RegionError(
        `layout version ${header[VERSION_WORD]}, this program knows ${layout.version}`,
      );
    }
    if (header[CAPACITY_WORD] !== this.capacity) {
      throw new RegionError(`made for ${header[CAPACITY_WORD]} records, not ${this.capacity}`);
    }
    if (this.highWater < 0 || this.highWater > this.capacity) {
      throw new RegionError(`high-water mark ${this.highWater} out of range`);
    }
  }
}
