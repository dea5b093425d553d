/**
 * Recordings that are commands alone, also those about features that the director doesn't have yet: played with
 * a director that keeps whatever it is told, they must agree in every message and listing.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/admin/run.js';
import { packageVersion } from '../../src/package.js';
import { compareCommand, type CommandOutcome } from '../../src/tools/replay/compare.js';
import { readScenarios } from '../../src/tools/replay/files.js';
import { RECORDED_NAMES, RECORDED_PROGRAM } from '../../src/tools/replay/recorder.js';
import type { CommandStep, Step } from '../../src/tools/replay/scenario.js';
import { splitWords } from '../../src/tools/replay/words.js';
import { FakeDirector } from '../unit/admin/fake-director.js';

const RECORDINGS = fileURLToPath(new URL('recordings', import.meta.url));

function isCommand(step: Step): step is CommandStep {
  return 'adm' in step;
}

async function run(director: FakeDirector, step: CommandStep): Promise<CommandOutcome> {
  const outcome = { exit: 0, stdout: '', stderr: '' };
  outcome.exit = await runCommand(splitWords(step.adm), step.stdin ?? '', {
    control: director,
    names: RECORDED_NAMES,
    stdout: { write: (text) => void (outcome.stdout += text) },
    stderr: { write: (text) => void (outcome.stderr += text) },
    programName: RECORDED_PROGRAM,
    version: packageVersion(),
  });
  return outcome;
}

describe('recordings of commands, with a director that keeps everything', () => {
  for (const { scenario } of readScenarios([RECORDINGS])) {
    const { name, about, steps } = scenario;
    if (!steps.every(isCommand)) continue;
    it(`${name}: ${about}`, async () => {
      const director = new FakeDirector();
      for (const [i, step] of steps.entries()) {
        const differences = compareCommand(step, await run(director, step));
        assert.deepEqual(differences, [], `step ${i + 1}: ipvsadm ${step.adm}`);
      }
    });
  }
});
