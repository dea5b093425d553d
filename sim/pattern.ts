/**
 * What the endpoints send: bytes that follow from the stream (a connection's one direction) and the position in
 * it. Bytes of another connection or from another place don't match, however they got there.
 */
import { SeededRandom } from '../dataplane/driver/random.js';

/** A prime: positions that differ by a power of two have different bytes. */
const PERIOD = 65_521;
/** Longest run of bytes that is written or compared at once. */
export const RUN_MAX = 65_536;

const table = new Uint8Array(PERIOD + RUN_MAX);
const random = new SeededRandom(0x5eed);
for (let i = 0; i < PERIOD; i++) table[i] = random.below(256);
table.copyWithin(PERIOD, 0, RUN_MAX);

/** Where a stream begins in the table, and the number by which it is known. */
export function streamOf(connection: number, direction: 0 | 1): number {
  return (Math.imul(connection * 2 + direction, 0x9e3779b1) >>> 0) % PERIOD;
}

/** Writes the stream's bytes from `position` on. */
export function writePattern(
  out: Uint8Array,
  at: number,
  stream: number,
  position: number,
  length: number,
): void {
  const start = (stream + position) % PERIOD;
  out.set(table.subarray(start, start + length), at);
}

/** Position of the first byte that isn't the stream's, -1 where all are. */
export function firstWrong(
  bytes: Uint8Array,
  at: number,
  stream: number,
  position: number,
  length: number,
): number {
  const start = (stream + position) % PERIOD;
  const isEqual = Buffer.compare(
    bytes.subarray(at, at + length),
    table.subarray(start, start + length),
  );
  if (isEqual === 0) return -1;
  let i = 0;
  while (bytes[at + i] === table[start + i]) i++;
  return position + i;
}
