/**
 * Telling clients from a flood of spoofed SYNs: the first SYN of a client's port is dropped and remembered, and
 * a client's own TCP sends it again a second later (RFC 6298, 2.1). Nobody repeats what was made up.
 *
 *     table of 2^21 words, by hash:   31       21 20                     0
 *                                    +-----------+------------------------+
 *                                    | tag       | when it came, in ticks |
 *                                    +-----------+------------------------+
 *
 * A later SYN takes the place of an earlier one. Of 200 thousand a second one in eleven is forgotten before
 * its second is over; that client's next SYN is the first one again. Of the made-up ones one in some thousand
 * finds its tag there by chance. Memory that is never touched costs nothing, so it is taken by floods only.
 */
import type { ConnectionHash } from './hash.js';

const WORDS_SHIFT = 21;
const WORDS = 1 << WORDS_SHIFT;
const TIME_MASK = (1 << 21) - 1;
/** Of a repetition. Early ones aren't TCP's own, late ones are somebody else's. */
const AGE_MIN_TICKS = 70;
const AGE_MAX_TICKS = 1600;

export class FirstSyns {
  private readonly words: Int32Array;

  /** @param allocate gives zeroed memory */
  constructor(
    private readonly hash: ConnectionHash,
    allocate: (bytes: number) => ArrayBuffer,
  ) {
    this.words = new Int32Array(allocate(WORDS * Int32Array.BYTES_PER_ELEMENT), 0, WORDS);
  }

  /** Notes a SYN. @returns true where it repeats one that was noted a while ago */
  isRepeated(
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    now: number,
  ): boolean {
    const hash = this.hash.of(client ^ virtual, (clientPort << 16) | virtualPort);
    const at = hash & (WORDS - 1);
    const word = this.words[at];
    const tag = hash & ~TIME_MASK;
    const age = (now - word) & TIME_MASK;
    if ((word & ~TIME_MASK) === tag && age < AGE_MAX_TICKS) return age >= AGE_MIN_TICKS;
    this.words[at] = tag | (now & TIME_MASK);
    return false;
  }
}
