/**
 * Text of many lines, written as bytes into pieces of one size. Hundreds of thousands of lines made of strings take
 * several times as long, and leave as much for the garbage collector.
 */

/** A piece takes a fraction of a millisecond to write. */
const PIECE_BYTES = 64 << 10;
/** Room for a line's end: a number takes 24 bytes at most. */
const NUMBER_BYTES_MAX = 32;
const DIGIT_0 = 48;
const NEWLINE = 10;
/** Numbers from 0 to this one are written digit by digit. */
const PLAIN_MAX = 0x7fff_ffff;

export class LineWriter {
  private piece = Buffer.allocUnsafe(PIECE_BYTES);
  private length = 0;
  private readonly full: Uint8Array[] = [];

  /** One line: three texts, and a number. */
  line(name: Uint8Array, labels: Uint8Array, end: Uint8Array, value: number): void {
    this.makeRoom(name.length + labels.length + end.length + NUMBER_BYTES_MAX);
    this.add(name);
    this.add(labels);
    this.add(end);
    this.number(value);
    this.piece[this.length++] = NEWLINE;
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.makeRoom(bytes.length);
    this.add(bytes);
  }

  /** The pieces that are full, in order, and forgets them. */
  taken(): Uint8Array[] {
    return this.full.splice(0);
  }

  /** All that is left. */
  rest(): Uint8Array[] {
    this.finishPiece();
    return this.taken();
  }

  private add(bytes: Uint8Array): void {
    this.piece.set(bytes, this.length);
    this.length += bytes.length;
  }

  private number(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > PLAIN_MAX) {
      this.length += this.piece.write(String(value), this.length, 'latin1');
      return;
    }
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    let left = value;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = Math.trunc(left / 10);
      this.piece[at] = DIGIT_0 + left - tenth * 10;
      left = tenth;
    }
    this.length += digits;
  }

  private makeRoom(bytes: number): void {
    if (this.length + bytes <= this.piece.length) return;
    this.finishPiece();
    if (bytes > this.piece.length) this.piece = Buffer.allocUnsafe(bytes);
  }

  private finishPiece(): void {
    if (this.length > 0) this.full.push(this.piece.subarray(0, this.length));
    this.piece = Buffer.allocUnsafe(PIECE_BYTES);
    this.length = 0;
  }
}
