import assert from 'node:assert/strict';
import { replay } from '../../../../src/tools/replay/replay.js';
import { parseScenario } from '../../../../src/tools/replay/scenario.js';

const LARGEST_PACKET_BYTES = 65_535;
const DAY_MS = 24 * 60 * 60 * 1000;

function scenario(step: object): unknown {
  return { name: 'limits', about: '', family: 'test', steps: [step] };
}

const waiting = (at: number): unknown => scenario({ at, wait: true, tx: [] });
const arrival = (bytes: number): unknown =>
  scenario({ at: 0, rx: 'ext', ip: '45'.repeat(bytes), tx: [] });

describe('a scenario that can’t be played', () => {
  it('is refused for a packet longer than any can be', async () => {
    assert.throws(() => parseScenario(arrival(LARGEST_PACKET_BYTES + 1), 'file'), {
      message: 'file: step 1: ip: must be at most 65535 bytes',
    });
    await replay(parseScenario(arrival(LARGEST_PACKET_BYTES), 'file'), 'file');
  });

  it('is refused for a time that a replay would never reach', () => {
    assert.doesNotThrow(() => parseScenario(waiting(DAY_MS), 'file'));
    assert.throws(() => parseScenario(waiting(DAY_MS + 1), 'file'), /file: step 1: at: /);
  });

  for (const value of ['many', 7, 1.5]) {
    it(`is not supported with ${value} for a setting`, async () => {
      const parsed = parseScenario(scenario({ at: 0, sysctl: { drop_entry: value } }), 'file');
      const { verdict, reason } = await replay(parsed, 'file');
      assert.equal(verdict, 'unsupported');
      assert.match(reason ?? '', /^drop_entry must be a whole number from 0 to 3$/);
    });
  }
});
