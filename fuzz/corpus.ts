/** The inputs that new ones are made of: the seeds, and what has reached something new. */
import type { Random } from '../sim/random.js';

/** Beyond this an input that is found takes the place of one found before. */
const INPUTS_MAX = 4096;
/** The newest inputs are chosen more often: there is more to be found near them. */
const NEWEST = 32;

export class Corpus {
  private readonly inputs: Uint8Array[];
  private readonly seeds: number;

  constructor(seeds: readonly Uint8Array[]) {
    this.inputs = [...seeds];
    this.seeds = seeds.length;
  }

  get size(): number {
    return this.inputs.length;
  }

  add(input: Uint8Array, random: Random): void {
    if (this.inputs.length < INPUTS_MAX) this.inputs.push(input);
    else this.inputs[this.seeds + random.below(INPUTS_MAX - this.seeds)] = input;
  }

  pick(random: Random): Uint8Array {
    const { length } = this.inputs;
    if (random.chance(0.25))
      return this.inputs[length - 1 - random.below(Math.min(length, NEWEST))];
    return this.inputs[random.below(length)];
  }
}
