/**
 * What is fuzzed: one kind of input, where inputs come from, and what must hold whatever they are. An input is
 * a piece of bytes, so that each one can be kept in a file and run again.
 */
import type { Random } from '../sim/random.js';

export interface Target {
  /** As `--kind` calls it. */
  readonly name: string;
  /** What an input is, in a few words: for people. */
  readonly about: string;
  /** Inputs to begin with, of real material where there is some. */
  seeds(): Uint8Array[];
  /** A new input made of one of the corpus, and perhaps of parts of `other`. Leaves both as they are. */
  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array;
  /**
   * Runs an input and throws where something doesn't hold. What an input leaves behind in the target may show
   * in a later one, until `reset`.
   * @returns how many inputs it counts for: the frames of a session, the requests of a conversation
   */
  run(input: Uint8Array): number | Promise<number>;
  /** Makes the target as good as new. */
  reset(): void | Promise<void>;
  /** Gives back what the target has taken of the system. */
  close?(): void | Promise<void>;
  /** An input for people, where its bytes say nothing to them. */
  describe?(input: Uint8Array): string;
}

/** Something that must hold doesn't. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws a Violation; `what` says what must hold. */
export function mustHold(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}
