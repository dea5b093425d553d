/** A small seeded generator: the same seed gives the same faults again. Not for secrets. */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** Uniform integer from 0 to `limit` - 1; `limit` at most 2^31. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** True with a probability from 0 to 1. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** Uniform in [0, 1): a Weyl sequence whose words are mixed by two multiplications (splitmix32). */
  private unit(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let word = this.state ^ (this.state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return ((word ^ (word >>> 15)) >>> 0) / 0x1_0000_0000;
  }
}
