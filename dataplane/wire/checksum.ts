/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3):
 *
 *     HC' = ~(~HC + ~m + m')        one's complement sums, m the old and m' the new 16-bit word
 *
 * A *complete* checksum field holds the inverted sum over pseudo-header, header and data. A *partial* one
 * (a frame on its way to an offloading NIC, NEEDS_CSUM in the virtio-net header) holds the sum over the
 * pseudo-header alone, not inverted: there the same update runs without the two inversions.
 */
import { read16, write16 } from './bytes.js';

const WORD = 0xffff;

/** Folds a sum of 16-bit words (below 2^32) to 16 bits. */
export function fold(sum: number): number {
  const once = (sum & WORD) + (sum >>> 16);
  return (once & WORD) + (once >>> 16);
}

/**
 * Sum of the 16-bit words of `length` bytes on top of `initial`, an odd last byte counted as if a zero
 * followed. Not folded; `initial` is a folded sum, `length` at most 65 535.
 */
export function sumWords(
  memory: Uint8Array,
  offset: number,
  length: number,
  initial: number,
): number {
  let sum = initial;
  const end = offset + (length & ~1);
  for (let i = offset; i < end; i += 2) sum += (memory[i] << 8) | memory[i + 1];
  if (length & 1) sum += memory[end] << 8;
  return sum >>> 0;
}

/** The value of the checksum field over these bytes, the field itself being zero in them. */
export function checksum(memory: Uint8Array, offset: number, length: number): number {
  return ~fold(sumWords(memory, offset, length, 0)) & WORD;
}

/** True where the bytes, their checksum field included, sum up to what a receiver accepts. */
export function isChecksumValid(memory: Uint8Array, offset: number, length: number): boolean {
  return fold(sumWords(memory, offset, length, 0)) === WORD;
}

/** Folded sum of the TCP pseudo-header (RFC 9293, 3.1): addresses, protocol 6, segment length. */
export function tcpPseudoSum(source: number, destination: number, segmentLength: number): number {
  const sum =
    (source >>> 16) +
    (source & WORD) +
    (destination >>> 16) +
    (destination & WORD) +
    6 +
    segmentLength;
  return fold(sum);
}

/**
 * What has to be added to a sum when a 16-bit word changes: ~old + new. Differences may be added up and
 * are applied at once by `applyDifference`.
 */
export function difference16(before: number, after: number): number {
  return (~before & WORD) + after;
}

/** The same for a 32-bit value, as the two words it is made of. */
export function difference32(before: number, after: number): number {
  return (~before >>> 16) + (~before & WORD) + (after >>> 16) + (after & WORD);
}

/** Updates a complete checksum field by a sum of differences (each at most 2^18, not more than a few). */
export function applyDifference(memory: Uint8Array, field: number, difference: number): void {
  write16(memory, field, ~fold((~read16(memory, field) & WORD) + difference) & WORD);
}

/** Updates a partial checksum field: not inverted, before or after. */
export function applyPartialDifference(
  memory: Uint8Array,
  field: number,
  difference: number,
): void {
  write16(memory, field, fold(read16(memory, field) + difference));
}
