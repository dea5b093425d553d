/** A little of `npm run fuzz` on each kind: enough to notice what breaks easily. */
import assert from 'node:assert/strict';
import { Fuzzer } from '../../../fuzz/fuzzer.js';
import { KINDS } from '../../../fuzz/kinds.js';
import { Random } from '../../../sim/random.js';

/** How often each target runs: about a second. */
const RUNS: Readonly<Record<string, number>> = {
  frames: 1000,
  requests: 150,
  rules: 250,
  state: 1500,
  scenarios: 1000,
  captures: 8000,
  config: 6000,
};

describe('fuzzing a little', () => {
  for (const [name, Kind] of Object.entries(KINDS)) {
    const seed = Date.now() % 1_000_000;
    it(`finds nothing in ${name} (seed ${seed})`, async () => {
      const target = new Kind();
      const found: unknown[] = [];
      const random = new Random(seed);
      await target.reset();
      try {
        const fuzzer = new Fuzzer({ target, random, onFinding: ({ error }) => found.push(error) });
        await fuzzer.begin();
        await fuzzer.run(RUNS[name]);
        assert.deepEqual(found, []);
        assert.ok(fuzzer.inputs >= RUNS[name]);
      } finally {
        await target.close?.();
      }
    });
  }
});
