/** Mutating bytes without knowing what they mean: flips, numbers that are interesting, pieces moved about. */
import type { Random } from '../sim/random.js';

/** Numbers at the edges of what fields of 8, 16 and 32 bits hold. */
const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 20, 31, 32, 60, 63, 64, 100, 127, 128, 254, 255, 256, 511, 512, 576,
  1023, 1024, 1499, 1500, 1501, 4095, 4096, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, 0x7fffffff,
  -0x80000000, -2, -1,
];
const GROWTH_MAX = 512;
const SMALL_CHANGE = 16;
const MUTATIONS_MAX = 5;

export function interestingNumber(random: Random): number {
  return random.chance(0.8) ? random.of(INTERESTING) : random.int32();
}

export class ByteMutator {
  private bytes: Uint8Array;
  private length = 0;

  /** @param maxBytes results are no longer than this */
  constructor(private readonly maxBytes: number) {
    this.bytes = new Uint8Array(maxBytes + GROWTH_MAX);
  }

  /** A copy of `input` with one to five mutations; pieces of `other` may get into it. */
  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    this.load(input);
    let left = 1 + random.below(MUTATIONS_MAX);
    for (; left > 0; left--) this.step(other, random);
    return this.bytes.slice(0, this.length);
  }

  private load(input: Uint8Array): void {
    this.length = Math.min(input.length, this.maxBytes);
    this.bytes.set(input.subarray(0, this.length));
  }

  private step(other: Uint8Array, random: Random): void {
    switch (random.below(this.length === 0 ? 2 : 12)) {
      case 0:
        return this.insert(other, random);
      case 1:
        return this.insertRandom(random);
      case 2:
      case 3:
        return this.flip(random);
      case 4:
        this.bytes[random.below(this.length)] = interestingNumber(random);
        return;
      case 5:
        this.bytes[random.below(this.length)] += random.below(2 * SMALL_CHANGE) - SMALL_CHANGE;
        return;
      case 6:
      case 7:
        return this.writeNumber(random);
      case 8:
        return this.remove(random);
      case 9:
        return this.repeat(random);
      case 10:
        return this.overwrite(other, random);
      default:
        if (random.chance(0.3)) this.length = random.below(this.length + 1);
    }
  }

  private flip(random: Random): void {
    this.bytes[random.below(this.length)] ^= 1 << random.below(8);
  }

  /** A number of two or four bytes, in either order. */
  private writeNumber(random: Random): void {
    const width = random.chance(0.5) ? 2 : 4;
    if (this.length < width) return;
    const at = random.below(this.length - width + 1);
    const value = interestingNumber(random);
    const isBigEndian = random.chance(0.5);
    for (let i = 0; i < width; i++) {
      const shift = 8 * (isBigEndian ? width - 1 - i : i);
      this.bytes[at + i] = value >>> shift;
    }
  }

  private remove(random: Random): void {
    const at = random.below(this.length);
    const count = Math.min(this.pieceBytes(random), this.length - at);
    this.bytes.copyWithin(at, at + count, this.length);
    this.length -= count;
  }

  private repeat(random: Random): void {
    const at = random.below(this.length);
    const count = Math.min(this.pieceBytes(random), this.length - at);
    const piece = this.bytes.slice(at, at + count);
    this.insertAt(at, piece);
  }

  private insert(other: Uint8Array, random: Random): void {
    if (other.length === 0) return;
    const from = random.below(other.length);
    const piece = other.subarray(from, from + this.pieceBytes(random));
    this.insertAt(random.below(this.length + 1), piece);
  }

  private insertRandom(random: Random): void {
    const piece = new Uint8Array(1 + random.below(8));
    for (let i = 0; i < piece.length; i++) piece[i] = random.below(256);
    this.insertAt(random.below(this.length + 1), piece);
  }

  private overwrite(other: Uint8Array, random: Random): void {
    if (other.length === 0) return;
    const from = random.below(other.length);
    const at = random.below(this.length);
    const count = Math.min(this.pieceBytes(random), this.length - at, other.length - from);
    this.bytes.set(other.subarray(from, from + count), at);
  }

  private insertAt(at: number, piece: Uint8Array): void {
    const count = Math.min(piece.length, this.maxBytes - this.length);
    if (count <= 0) return;
    this.bytes.copyWithin(at + count, at, this.length);
    this.bytes.set(piece.subarray(0, count), at);
    this.length += count;
  }

  /** Mostly short. */
  private pieceBytes(random: Random): number {
    return 1 + random.below(random.chance(0.7) ? 16 : GROWTH_MAX);
  }
}
