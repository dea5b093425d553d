import assert from 'node:assert/strict';
import { parseScenario, ScenarioError } from '../../../../src/tools/replay/scenario.js';

const command = { at: 0, adm: '-Ln', exit: 0, stdout: '', stderr: '' };
const packet = { at: 20, rx: 'ext', ip: '45', tx: [{ if: 'int', ip: '4500', nh: '10.2.0.2' }] };
const scenario = { name: 'x-y', about: 'z', family: 'x', steps: [command, packet] };

function problemOf(value: unknown): string {
  try {
    parseScenario(value, 'file.json');
  } catch (error) {
    assert.ok(error instanceof ScenarioError);
    return error.message;
  }
  return 'none';
}

describe('parseScenario', () => {
  it('takes every kind of step', () => {
    const steps = [
      command,
      { ...packet, note: 'TCP ...' },
      { at: 30, sysctl: { sloppy_tcp: 1, sync_threshold: '3 50' } },
      { at: 40, wait: true, tx: [] },
    ];
    const whole = {
      ...scenario,
      sysctl: { expire_nodest_conn: 1 },
      mtu: { int: 1400 },
      marks: [{ d: '10.1.0.100', p: 'tcp', dport: 80, mark: 1 }],
      ip6: true,
      steps,
    };
    assert.deepEqual(parseScenario(whole, 'file.json'), whole);
  });

  for (const [what, value, problem] of [
    ['no object', 5, /^file\.json: Invalid input/],
    ['no name', { ...scenario, name: undefined }, /^file\.json: name: /],
    ['no steps', { ...scenario, steps: [] }, /^file\.json: steps: /],
    ['an unknown field', { ...scenario, sysctls: {} }, /^file\.json: .*sysctls/],
    ['an MTU of another port', { ...scenario, mtu: { eth0: 1500 } }, /^file\.json: mtu/],
    ['a step of no kind', { ...scenario, steps: [{ at: 0 }] }, /step 1: a step has one of/],
    ['a step that is no object', { ...scenario, steps: [null] }, /step 1: a step has one of/],
    [
      'a wrong type',
      { ...scenario, steps: [command, { ...packet, at: '20' }] },
      /^file\.json: step 2: at: /,
    ],
    [
      'bytes that are none',
      { ...scenario, steps: [{ ...packet, ip: '4x' }] },
      /step 1: ip: must be bytes in hexadecimal/,
    ],
    [
      'a wrong field deep inside',
      { ...scenario, steps: [{ ...packet, tx: [{ if: 'int', ip: '00', nh: 'gateway' }] }] },
      /step 1: tx\[0\]\.nh: /,
    ],
    [
      'an unknown field of a step',
      { ...scenario, steps: [{ ...command, exti: 0 }] },
      /step 1: .*exti/,
    ],
    [
      'an unclosed quote',
      { ...scenario, steps: [{ ...command, adm: "-A '" }] },
      /step 1: adm: a ' is not closed/,
    ],
    [
      'time that runs backwards',
      { ...scenario, steps: [packet, command] },
      /step 2: at: 0 is before the step before, 20/,
    ],
  ] as const) {
    it(`names place and field of ${what}`, () => {
      assert.match(problemOf(value), problem);
    });
  }
});
