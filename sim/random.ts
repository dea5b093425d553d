/**
 * Chance, all of it from one seed. Every part of a simulation has a stream of its own, forked by name, so that
 * switching one kind of fault off leaves the others' streams as they were.
 */
import { SeededRandom } from '../dataplane/driver/random.js';

const FNV_PRIME = 0x01000193;

export class Random extends SeededRandom {
  constructor(private readonly seed: number) {
    super(seed);
  }

  /** A stream of its own for one part of the simulation. */
  fork(name: string): Random {
    let mixed = this.seed;
    for (let i = 0; i < name.length; i++) {
      mixed = Math.imul(mixed ^ name.charCodeAt(i), FNV_PRIME);
    }
    return new Random(mixed ^ (mixed >>> 15));
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** One of the choices. */
  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** From `min` to `max`, each order of magnitude as likely as any other. */
  logarithmic(min: number, max: number): number {
    const steps = 1 << 20;
    return min * (max / min) ** (this.below(steps) / (steps - 1));
  }

  int32(): number {
    return (this.below(0x10000) << 16) | this.below(0x10000);
  }
}
