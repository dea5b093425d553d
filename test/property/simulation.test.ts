import assert from 'node:assert/strict';
import { commandFor, parseOptions } from '../../sim/options.js';
import { simulate, type SimulationResult } from '../../sim/simulation.js';

/** Seeds are those of `npm run sim -- --seeds 50 --hours 2`; nightly runs take many more. */
const RUNS = 50;
const HOURS = 0.04;
const NOTHING_OFF: ReadonlySet<never> = new Set();

function run(seed: number): Promise<SimulationResult> {
  return simulate({ seed, hours: HOURS, off: NOTHING_OFF, traceLines: 0 });
}

describe('a simulated director', () => {
  it('loses, confuses and forgets nothing, whatever happens to it', async function () {
    this.timeout(300_000);
    const options = parseOptions(['--hours', String(HOURS), '--seed', '1']);
    assert.ok(options !== null);
    for (let seed = 1; seed <= RUNS; seed++) {
      const { failure } = await run(seed);
      const command = commandFor(options, seed);
      assert.equal(failure, null, `${failure?.stack}\nrepeat it with: ${command} --trace`);
    }
  });

  it('does the same again with the same seed, and something else with another', async () => {
    const [once, again, other] = [await run(77), await run(77), await run(78)];
    assert.equal(again.digest, once.digest);
    assert.deepEqual(again.counts, once.counts);
    assert.notEqual(other.digest, once.digest);
  });
});
