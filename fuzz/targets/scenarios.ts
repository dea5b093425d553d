/** Scenario files: refused with a ScenarioError that names the place, or fit to be played. */
import { scenariosIn } from '../../src/tools/replay/files.js';
import { replay } from '../../src/tools/replay/replay.js';
import { ScenarioError } from '../../src/tools/replay/scenario.js';
import type { Random } from '../../sim/random.js';
import { mutateJson } from '../json.js';
import { recordings } from '../recordings.js';
import { mustHold, type Target } from '../target.js';
import { bytesOf, TextMutator, textOf } from '../text.js';

const FILE_MAX_BYTES = 8192;
const STEPS_PER_SEED = 4;
const FAMILIES = [
  'admin', 'cli', 'dr', 'fwm', 'miss', 'nat', 'persist', 'sched', 'stats', 'tcp', 'timeout', 'tun', 'udp', 'v6',
]; // prettier-ignore
const NAMES = [
  'name', 'about', 'family', 'sysctl', 'mtu', 'marks', 'ip6', 'steps', 'at', 'adm', 'stdin', 'exit', 'stdout',
  'stderr', 'tol', 'rx', 'ip', 'tx', 'if', 'note', 'origin', 'nh', 'wait', 'ext', 'int',
]; // prettier-ignore
const WORDS = [
  'ext', 'int', 'ipvs', 'stack', '00', '4500', '-A -t 10.1.0.100:80', '-L -n -c', '-S', "-A '", '10.2.0.2',
  'expire_nodest_conn', 'amemthresh', '45000028100040004006166a0a0100640a010064',
]; // prettier-ignore
const VOCABULARY = [...NAMES, ...WORDS].map((word) => JSON.stringify(word));
/** Of the scenarios that are accepted one in so many is played, if it is short: that takes its time. */
const PLAY_EVERY = 16;
const PLAYED_MAX_MS = 5000;
const SEED_MAX_BYTES = 1500;
const LINES_NAME = 'fuzzed.jsonl';
const SINGLE_NAME = 'fuzzed.json';

export class ScenarioTarget implements Target {
  readonly name = 'scenarios';
  readonly about = 'files of `uvs replay`';
  private readonly text = new TextMutator(
    { lines: '\n', words: ',', vocabulary: VOCABULARY },
    FILE_MAX_BYTES,
  );
  private accepted = 0;

  /** The first steps of recordings, where they are short. */
  seeds(): Uint8Array[] {
    return recordings(FAMILIES, 12)
      .map(({ scenario }) => ({ ...scenario, steps: scenario.steps.slice(0, STEPS_PER_SEED) }))
      .map((scenario) => bytesOf(JSON.stringify(scenario)))
      .filter((seed) => seed.length <= SEED_MAX_BYTES);
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    if (random.chance(0.3)) return this.text.mutate(input, other, random);
    let value: unknown;
    try {
      value = JSON.parse(textOf(input));
    } catch {
      return this.text.mutate(input, other, random);
    }
    for (let left = 1 + random.below(2); left > 0; left--) {
      value = mutateJson(value, random, NAMES, WORDS);
    }
    return bytesOf(JSON.stringify(value) ?? '').subarray(0, FILE_MAX_BYTES);
  }

  reset(): void {
    this.accepted = 0;
  }

  async run(input: Uint8Array): Promise<number> {
    const name = input.length % 2 === 0 ? LINES_NAME : SINGLE_NAME;
    try {
      for (const { scenario, place } of scenariosIn(textOf(input), name)) {
        this.accepted += 1;
        const isShort = (scenario.steps.at(-1)?.at ?? 0) <= PLAYED_MAX_MS;
        if (isShort && this.accepted % PLAY_EVERY === 0) await replay(scenario, place);
      }
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      mustHold(error.message.startsWith(name), 'an error names the file');
    }
    return 1;
  }
}
