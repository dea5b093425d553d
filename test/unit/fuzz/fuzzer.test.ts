import assert from 'node:assert/strict';
import { Coverage } from '../../../fuzz/coverage.js';
import { Fuzzer, type Finding } from '../../../fuzz/fuzzer.js';
import type { Target } from '../../../fuzz/target.js';
import { Random } from '../../../sim/random.js';

const SEED = 7;

/** Fails for inputs that begin with this, which is found one byte after the other if somebody guides. */
const SECRET = [0x75, 0x76, 0x73, 0x21];

/** A target that keeps a sum of its inputs; a step of a mutation is one more byte at the end or another one. */
class Toy implements Target {
  readonly name = 'toy';
  readonly about = 'bytes';
  /** How many of the secret's bytes the last input had. */
  reached = 0;
  sum = 0;
  resets = 0;

  constructor(
    private readonly fault: (toy: Toy, input: Uint8Array) => void,
    private readonly seed = Uint8Array.of(0),
  ) {}

  seeds(): Uint8Array[] {
    return [this.seed];
  }

  mutate(input: Uint8Array, _other: Uint8Array, random: Random): Uint8Array {
    const bytes = random.chance(0.5) ? [...input, 0] : [...input];
    bytes[random.below(bytes.length)] = random.below(256);
    return Uint8Array.from(bytes.slice(0, 64));
  }

  run(input: Uint8Array): number {
    const differs = SECRET.findIndex((byte, i) => byte !== input[i]);
    this.reached = differs < 0 ? SECRET.length : differs;
    this.sum += input.length;
    this.fault(this, input);
    return 1;
  }

  reset(): void {
    this.sum = 0;
    this.resets += 1;
  }
}

/** Coverage of the toy: a block for each byte of the secret. */
class ToyCoverage extends Coverage {
  private readonly seen = new Set<string>();
  private best = 0;

  override get isOn(): boolean {
    return true;
  }

  watch(toy: Toy): void {
    this.best = Math.max(this.best, toy.reached);
  }

  override take(): string[] {
    const blocks = Array.from({ length: this.best }, (_, i) => `block ${i}`);
    this.best = 0;
    const fresh = blocks.filter((block) => !this.seen.has(block));
    this.note(fresh);
    return fresh;
  }

  override forget(blocks: readonly string[]): void {
    for (const block of blocks) this.seen.delete(block);
  }

  override note(blocks: readonly string[]): void {
    for (const block of blocks) this.seen.add(block);
  }
}

async function fuzz(toy: Toy, runs: number, coverage?: Coverage): Promise<Finding[]> {
  const findings: Finding[] = [];
  const fuzzer = new Fuzzer({
    target: toy,
    random: new Random(SEED),
    onFinding: (finding) => findings.push(finding),
    ...(coverage === undefined ? {} : { coverage }),
  });
  await fuzzer.begin();
  await fuzzer.run(runs);
  return findings;
}

describe('the fuzzer', () => {
  it('finds by coverage what it would hardly find by chance', async () => {
    const fault = (toy: Toy): void => {
      if (toy.reached === SECRET.length) throw new Error('found');
    };
    const coverage = new ToyCoverage();
    const guided = new Toy((toy) => {
      coverage.watch(toy);
      fault(toy);
    });
    const findings = await fuzz(guided, 60_000, coverage);
    assert.deepEqual(
      findings.map(({ inputs }) => inputs.map((input) => [...input])),
      [[SECRET]],
    );
    assert.deepEqual(await fuzz(new Toy(fault), 60_000), []);
  });

  it('shortens what fails to what is needed for it', async () => {
    const toy = new Toy(
      (_, input) => {
        if (input.includes(0x41) && input.includes(0x42)) throw new Error('both');
      },
      Uint8Array.of(1, 2, 0x41, 4, 5, 6),
    );
    const [{ inputs }] = await fuzz(toy, 20_000);
    assert.deepEqual(
      [...inputs[0]].toSorted((a, b) => a - b),
      [0x41, 0x42],
    );
  });

  it('keeps the inputs before, where only together they fail', async () => {
    const toy = new Toy(({ sum }) => {
      if (sum > 100) throw new Error('too much');
    });
    const [{ inputs }] = await fuzz(toy, 1000);
    assert.ok(inputs.length > 1);
    const total = inputs.reduce((sum, { length }) => sum + length, 0);
    assert.ok(total > 100 && total - Math.min(...inputs.map(({ length }) => length)) <= 100);
  });

  it('keeps one finding of a kind, whatever the numbers in it', async () => {
    const toy = new Toy((_, input) => {
      if (input[0] > 3) throw new Error(`${input[0]} is too much`);
    });
    assert.equal((await fuzz(toy, 1000)).length, 1);
  });

  it('makes the same inputs of the same seed', async () => {
    const lists = await Promise.all(
      [0, 1].map(async () => {
        const inputs: string[] = [];
        await fuzz(new Toy((_, input) => void inputs.push(input.join())), 500);
        return inputs;
      }),
    );
    assert.deepEqual(lists[0], lists[1]);
  });

  it('awaits targets that take their time', async () => {
    const toy = new Toy(() => undefined);
    const slow = Object.assign(Object.create(toy) as Toy, {
      run: async (input: Uint8Array) => {
        await Promise.resolve();
        if (input[0] === 0x41) throw new Error('late');
        return 2;
      },
    });
    const findings: Finding[] = [];
    const random = new Random(SEED);
    const fuzzer = new Fuzzer({ target: slow, random, onFinding: (one) => findings.push(one) });
    await fuzzer.begin();
    await fuzzer.run(5000);
    assert.equal(findings.length, 1);
    assert.ok(fuzzer.inputs > fuzzer.runs);
  });
});
