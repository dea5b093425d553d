/** A recording that is changed anywhere must no longer agree: the rules of comparison let nothing else pass. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { readScenarios } from '../../src/tools/replay/files.js';
import { replay } from '../../src/tools/replay/replay.js';
import type { CommandStep, PacketStep, Scenario, Step } from '../../src/tools/replay/scenario.js';

const RECORDINGS = ['tcp', 'nat', 'persist', 'sched'].map((family) =>
  fileURLToPath(new URL(`../conformance/recordings/${family}.jsonl.gz`, import.meta.url)),
);
const MAX_STEPS = 60;

function isForwarding(step: Step): step is PacketStep {
  return 'rx' in step && step.tx.length > 0 && step.tx[0].origin === undefined;
}

function isTalkative(step: Step): step is CommandStep {
  return 'adm' in step && step.stdout !== '';
}

/** Replays the recording with one step changed and wants exactly that step to differ. */
async function wantsDifference(scenario: Scenario, index: number, step: object): Promise<void> {
  const changed = scenario.steps.with(index, { ...scenario.steps[index], ...step });
  const { verdict, differences } = await replay({ ...scenario, steps: changed }, 'here');
  assert.equal(verdict, 'differs');
  assert.deepEqual([...new Set(differences.map((difference) => difference.step))], [index + 1]);
}

describe('replay, a recording changed anywhere', () => {
  const scenarios: Scenario[] = [];
  before(async () => {
    for (const { scenario, place } of readScenarios(RECORDINGS)) {
      if (scenario.steps.length > MAX_STEPS) continue;
      if ((await replay(scenario, place)).verdict === 'agrees') scenarios.push(scenario);
    }
    assert.ok(scenarios.length > 100);
  });

  /** Steps of a kind, from all recordings. */
  const stepsWhere = <S extends Step>(fits: (step: Step) => step is S) =>
    scenarios.flatMap((scenario) =>
      scenario.steps.flatMap((step, index) => (fits(step) ? [{ scenario, index, step }] : [])),
    );

  it('one byte of a forwarded packet', async () => {
    const candidates = stepsWhere(isForwarding);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (pick, place, change) => {
          const { scenario, index, step } = candidates[pick % candidates.length];
          const [packet, ...others] = step.tx;
          const bytes = Buffer.from(packet.ip, 'hex');
          bytes[place % bytes.length] ^= change;
          const tx = [{ ...packet, ip: bytes.toString('hex') }, ...others];
          await wantsDifference(scenario, index, { tx });
        },
      ),
    );
  });

  it('a packet missing, or sent by the other port', async () => {
    const candidates = stepsWhere(isForwarding);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.boolean(), async (pick, missing) => {
        const { scenario, index, step } = candidates[pick % candidates.length];
        const [packet, ...others] = step.tx;
        const elsewhere = { ...packet, if: packet.if === 'ext' ? 'int' : 'ext' };
        await wantsDifference(scenario, index, { tx: missing ? others : [elsewhere, ...others] });
      }),
    );
  });

  it('one character of a listing that isn’t a time', async () => {
    const candidates = stepsWhere(isTalkative);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (pick, place) => {
        const { scenario, index, step } = candidates[pick % candidates.length];
        const at = place % step.stdout.length;
        const lineStart = step.stdout.lastIndexOf('\n', at - 1) + 1;
        fc.pre(at - lineStart < 3 || at - lineStart > 11);
        const stdout = `${step.stdout.slice(0, at)}#${step.stdout.slice(at + 1)}`;
        await wantsDifference(scenario, index, { stdout });
      }),
    );
  });
});
