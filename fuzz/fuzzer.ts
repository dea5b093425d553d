/**
 * Runs a target: makes inputs of inputs, keeps those that reach code which none had reached, and makes what
 * has failed as small as can be.
 *
 *     corpus -> mutate -> run -> nothing: the next one
 *                             -> new code (while coverage is counted): into the corpus
 *                             -> a failure: fails by itself? shorten it : keep all inputs since the last reset
 */
import type { Random } from '../sim/random.js';
import { Corpus } from './corpus.js';
import type { Coverage } from './coverage.js';
import { signatureOf, shorten } from './shorten.js';
import type { Target } from './target.js';

/** Runs after which the target is made as good as new: so many inputs at most have led to a failure. */
const RUNS_PER_RESET = 2000;
/** How long a finding may be made shorter. */
const SHORTEN_MS = 10_000;
/** Runs between two looks at the coverage. */
const RUNS_PER_LOOK = 64;
/** Inputs of one look that get into the corpus: to find out which they are takes its time. */
const RESPONSIBLE_MAX = 3;
/** Of the failures with one signature only the first one is kept, and of all so many. */
const FINDINGS_MAX = 20;

export interface Finding {
  /** What fails when they are run one after the other: mostly a single one. */
  inputs: Uint8Array[];
  error: unknown;
}

export interface FuzzerOptions {
  target: Target;
  random: Random;
  /** To be guided by; counted while it is switched on. */
  coverage?: Coverage;
  onFinding: (finding: Finding) => void;
  /** How long a finding may be made shorter. */
  shortenMs?: number;
  /** Is told of each input before it runs, for the case that it never ends. */
  beforeRun?: (input: Uint8Array) => void;
}

export class Fuzzer {
  /** Inputs as the target counts them, and how often it ran. */
  inputs = 0;
  runs = 0;
  findings = 0;
  readonly corpus: Corpus;
  private hasBegun = false;
  private sinceReset: Uint8Array[] = [];
  private sinceLook: Uint8Array[] = [];
  private readonly signatures = new Set<string>();

  constructor(private readonly options: FuzzerOptions) {
    this.corpus = new Corpus(options.target.seeds());
  }

  /** Runs the seeds as they are; what they reach is nothing new any more. */
  async begin(): Promise<void> {
    for (const seed of this.options.target.seeds()) await this.tryInput(seed);
    this.sinceLook = [];
    this.options.coverage?.take();
    this.hasBegun = true;
  }

  /** Runs mutated inputs, `runs` times; ends earlier after many findings. */
  async run(runs: number): Promise<void> {
    const { target, random } = this.options;
    for (let i = 0; i < runs && this.findings < FINDINGS_MAX; i++) {
      const input = target.mutate(this.corpus.pick(random), this.corpus.pick(random), random);
      const outcome = this.tryInput(input);
      if (outcome !== undefined) await outcome;
    }
  }

  get isFull(): boolean {
    return this.findings >= FINDINGS_MAX;
  }

  /** Synchronous where the target is: a promise costs more than many an input. */
  private tryInput(input: Uint8Array): Promise<void> | undefined {
    this.options.beforeRun?.(input);
    this.runs += 1;
    this.sinceReset.push(input);
    try {
      const counted = this.options.target.run(input);
      if (typeof counted !== 'number') return this.finish(counted);
      this.inputs += counted;
    } catch (error) {
      return this.failed(error);
    }
    return this.afterRun(input);
  }

  private async finish(counting: Promise<number>): Promise<void> {
    try {
      this.inputs += await counting;
    } catch (error) {
      await this.failed(error);
      return;
    }
    await this.afterRun(this.sinceReset.at(-1)!);
  }

  private afterRun(input: Uint8Array): Promise<void> | undefined {
    const { coverage } = this.options;
    if (coverage?.isOn === true) {
      this.sinceLook.push(input);
      if (this.sinceLook.length >= RUNS_PER_LOOK && this.hasBegun) return this.look(coverage);
    }
    return this.sinceReset.length >= RUNS_PER_RESET ? this.reset() : undefined;
  }

  private async reset(): Promise<void> {
    this.sinceReset = [];
    await this.options.target.reset();
  }

  /** Where something new has run, the inputs that did it get into the corpus. */
  private async look(coverage: Coverage): Promise<void> {
    const inputs = this.sinceLook;
    this.sinceLook = [];
    const fresh = coverage.take();
    if (fresh.length === 0) return;
    await this.reset();
    for (const input of await this.responsible(inputs, fresh, coverage, RESPONSIBLE_MAX)) {
      this.corpus.add(input, this.options.random);
    }
    await this.reset();
  }

  /**
   * Runs the inputs again, by halves, until it is known which of them make the fresh blocks run, or so many are
   * found. Blocks that none was found for are fresh the next time as well.
   */
  private async responsible(
    inputs: readonly Uint8Array[],
    fresh: readonly string[],
    coverage: Coverage,
    most: number,
  ): Promise<Uint8Array[]> {
    if (inputs.length === 1) return [...inputs];
    const half = inputs.length >> 1;
    const found: Uint8Array[] = [];
    let missing = fresh;
    for (const part of [inputs.slice(0, half), inputs.slice(half)]) {
      coverage.forget(missing);
      for (const input of part) await this.runQuietly(input);
      const reached = coverage.take();
      coverage.note(missing);
      if (reached.length === 0) continue;
      found.push(...(await this.responsible(part, reached, coverage, most - found.length)));
      missing = missing.filter((block) => !reached.includes(block));
      if (found.length >= most) break;
    }
    coverage.forget(missing);
    return found;
  }

  /** What fails was found when it ran for the first time. */
  private async runQuietly(input: Uint8Array): Promise<void> {
    try {
      await this.options.target.run(input);
    } catch {
      await this.options.target.reset();
    }
  }

  private async failed(error: unknown): Promise<void> {
    const inputs = this.sinceReset;
    await this.reset();
    const signature = signatureOf(error);
    if (this.signatures.has(signature)) return;
    this.signatures.add(signature);
    this.findings += 1;
    const { target, shortenMs = SHORTEN_MS } = this.options;
    const shortest = await shorten(target, inputs, signature, shortenMs);
    await this.reset();
    this.options.onFinding({ inputs: shortest, error });
  }
}
