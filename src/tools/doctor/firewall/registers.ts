/**
 * The registers of nf_tables while a rule looks at a packet, of which not everything is known:
 *
 *     number   0         1         2         3         4        16 bytes each; 0 is the verdict's
 *              [ ...... ][ ...... ][ ...... ][ ...... ][ ...... ]
 *     number             8 9 10 11 12 ...              23      the same memory, 4 bytes each
 */
const REGISTER_BYTES = 16;
const WORD_BYTES = 4;
const REGISTERS = 5;
const FIRST_WORD = 8;

export class Registers {
  private readonly bytes = Buffer.alloc(REGISTERS * REGISTER_BYTES);
  private readonly isKnown = new Uint8Array(REGISTERS * REGISTER_BYTES);

  /** Null: what it holds from now on isn't known. A value is filled up with zeros to whole words. */
  store(register: number, value: Uint8Array | null): void {
    const at = placeOf(register);
    const length =
      value === null ? REGISTER_BYTES : Math.ceil(value.length / WORD_BYTES) * WORD_BYTES;
    this.bytes.fill(0, at, at + length);
    this.isKnown.fill(value === null ? 0 : 1, at, at + length);
    if (value !== null) this.bytes.set(value, at);
  }

  /** Null where part of it isn't known. */
  load(register: number, length: number): Buffer | null {
    const at = placeOf(register);
    if (this.isKnown.subarray(at, at + length).includes(0)) return null;
    return Buffer.from(this.bytes.subarray(at, at + length));
  }
}

function placeOf(register: number): number {
  if (register < FIRST_WORD) return register * REGISTER_BYTES;
  return REGISTER_BYTES + (register - FIRST_WORD) * WORD_BYTES;
}
