/**
 * How much the heap grows while a program works, for programs that run with NO_COLLECTION.
 *
 * What is allocated once, such as what the compiler notes when it optimises a function or gives an optimisation up,
 * falls into some round or other, the later the busier the machine is. What is allocated for each packet is
 * allocated in every round. So the least of some rounds tells.
 */

/** Node's options: the heap is collected when it is asked for, and has room for all of a round's garbage before. */
export const NO_COLLECTION = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
];

const ROUNDS_MAX = 5;
/** Too little for anything that was done many times: no need for another round. */
const LITTLE_BYTES = 16_384;

/**
 * Does the same work in several rounds, numbered from 0.
 * @returns bytes, in the round with the fewest
 */
export function heapGrowth(work: (round: number) => void): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS_MAX && least > LITTLE_BYTES; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    work(round);
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  return least;
}
