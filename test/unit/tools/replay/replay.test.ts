import assert from 'node:assert/strict';
import { replay } from '../../../../src/tools/replay/replay.js';
import {
  parseScenario,
  type CommandStep,
  type PacketStep,
  type Scenario,
  type Step,
} from '../../../../src/tools/replay/scenario.js';
import { ETHERNET, tcpFrame, type TcpFrame } from '../../../support/frames.js';

const SYN = 0x02;
const RST_ACK = 0x14;
const ACK = 0x10;
const CLIENT = '10.1.0.2';
const VIP = '10.1.0.100';
const SERVER = '10.2.0.2';

function hex(fields: Partial<TcpFrame>): string {
  const frame = tcpFrame({
    source: CLIENT,
    sourcePort: 4000,
    destination: VIP,
    destinationPort: 80,
    flags: SYN,
    ...fields,
  });
  return Buffer.from(frame.subarray(ETHERNET)).toString('hex');
}

const command = (at: number, adm: string, stdout = ''): CommandStep => ({
  at,
  adm,
  exit: 0,
  stdout,
  stderr: '',
});
const SET_UP = [
  command(0, `-A -t ${VIP}:80 -s rr`),
  command(20, `-a -t ${VIP}:80 -r ${SERVER}:8080 -m`),
];
const SYN_STEP: PacketStep = {
  at: 100,
  rx: 'ext',
  ip: hex({}),
  note: 'a SYN',
  tx: [{ if: 'int', ip: hex({ destination: SERVER, destinationPort: 8080, ttl: 63 }) }],
};
const connections = (...rows: string[]) =>
  [
    'IPVS connection entries',
    'pro expire state       source             virtual            destination',
    ...rows,
    '',
  ].join('\n');

function scenarioOf(steps: Step[], fields: Partial<Scenario> = {}): Scenario {
  const scenario = { name: 'x-y', about: 'z', family: 'x', steps, ...fields };
  return parseScenario(structuredClone(scenario), 'here');
}

const play = (steps: Step[], fields: Partial<Scenario> = {}) =>
  replay(scenarioOf(steps, fields), 'here');

async function verdictOf(steps: Step[], fields: Partial<Scenario> = {}): Promise<string> {
  const { verdict, reason } = await play(steps, fields);
  return reason === undefined ? verdict : `${verdict}: ${reason}`;
}

describe('replay', () => {
  it('agrees with what a director does', async () => {
    const result = await play([
      ...SET_UP,
      SYN_STEP,
      {
        at: 120,
        rx: 'int',
        ip: hex({
          source: SERVER,
          sourcePort: 8080,
          destination: CLIENT,
          destinationPort: 4000,
          flags: SYN | ACK,
        }),
        tx: [
          {
            if: 'ext',
            ip: hex({
              source: VIP,
              sourcePort: 80,
              destination: CLIENT,
              destinationPort: 4000,
              flags: SYN | ACK,
              ttl: 63,
            }),
          },
        ],
      },
      command(
        140,
        '-Lnc',
        connections(`TCP 00:59  SYN_RECV    ${CLIENT}:4000      ${VIP}:80      ${SERVER}:8080`),
      ),
    ]);
    assert.deepEqual(result, {
      name: 'x-y',
      family: 'x',
      about: 'z',
      place: 'here',
      steps: 5,
      verdict: 'agrees',
      differences: [],
    });
  });

  it('tells which step differs, when, and why it was', async () => {
    const elsewhere = structuredClone(SYN_STEP);
    elsewhere.tx[0].ip = hex({ destination: '10.2.0.3', destinationPort: 8080, ttl: 63 });
    const { verdict, differences } = await play([...SET_UP, elsewhere]);
    assert.equal(verdict, 'differs');
    assert.deepEqual(
      differences.map(({ step, atMs, cause, what }) => [step, atMs, cause, what]),
      [[3, 100, 'ext a SYN', 'packets']],
    );
    const shouted = [...SET_UP, command(40, '-D -t 1.2.3.4:5')];
    const refused = await play(shouted);
    assert.deepEqual(
      refused.differences.map(({ step, cause, what }) => [step, cause, what]),
      [
        [3, 'ipvsadm -D -t 1.2.3.4:5', 'exit status'],
        [3, 'ipvsadm -D -t 1.2.3.4:5', 'stderr'],
      ],
    );
  });

  it('lets the time of the steps pass', async () => {
    const still = connections(
      `TCP 00:01  SYN_RECV    ${CLIENT}:4000      ${VIP}:80      ${SERVER}:8080`,
    );
    const steps = [
      ...SET_UP,
      SYN_STEP,
      command(59_100, '-Lnc', still),
      command(63_000, '-Lnc', connections()),
    ];
    assert.equal(await verdictOf(steps), 'agrees');
    const lateStep = command(59_100, '-Lnc', connections());
    assert.equal(await verdictOf([...SET_UP, SYN_STEP, lateStep]), 'differs');
  });

  it('knows the recorder’s network: gateway, next hops, MTU', async () => {
    const far = '203.0.113.7';
    const fromFar = { ...SYN_STEP, ip: hex({ source: far }) };
    const toServer = {
      if: 'int' as const,
      ip: hex({ source: far, destination: SERVER, destinationPort: 8080, ttl: 63 }),
    };
    const answer = hex({
      source: SERVER,
      sourcePort: 8080,
      destination: far,
      destinationPort: 4000,
      flags: RST_ACK,
    });
    const answered = hex({
      source: VIP,
      sourcePort: 80,
      destination: far,
      destinationPort: 4000,
      flags: RST_ACK,
      ttl: 63,
    });
    const steps = (nh: string): Step[] => [
      ...SET_UP,
      { ...fromFar, tx: [toServer] },
      { at: 200, rx: 'int', ip: answer, tx: [{ if: 'ext', ip: answered, nh }] },
    ];
    assert.equal(await verdictOf(steps('10.1.0.254')), 'agrees');
    assert.equal(await verdictOf(steps('10.1.0.2')), 'differs');
    const large: PacketStep = { ...SYN_STEP, ip: hex({ payload: new Uint8Array(1000) }), tx: [] };
    const { differences } = await play([...SET_UP, large], { mtu: { int: 600 } });
    assert.match(differences[0].came[0], /^ext ICMP 10\.1\.0\.100>10\.1\.0\.2 type=3 code=4/);
  });

  it('gives commands their standard input', async () => {
    const restore = {
      ...command(0, '-R'),
      stdin: `-A -t ${VIP}:80 -s rr\n-a -t ${VIP}:80 -r ${SERVER}:8080 -m\n`,
    };
    assert.equal(await verdictOf([restore, SYN_STEP]), 'agrees');
  });

  it('changes settings before the first step and between steps', async () => {
    const ackStep: PacketStep = {
      ...SYN_STEP,
      ip: hex({ flags: ACK }),
      tx: [
        {
          if: 'int',
          ip: hex({ flags: ACK, destination: SERVER, destinationPort: 8080, ttl: 63 }),
        },
      ],
    };
    assert.equal(await verdictOf([...SET_UP, ackStep]), 'differs');
    assert.equal(await verdictOf([...SET_UP, ackStep], { sysctl: { sloppy_tcp: 1 } }), 'agrees');
    const turnedOn: Step[] = [...SET_UP, { at: 30, sysctl: { sloppy_tcp: 1 } }, ackStep];
    assert.equal(await verdictOf(turnedOn), 'agrees');
  });

  it('wants nothing of a wait but what is the kernel’s', async () => {
    const quiet: Step = { at: 10, wait: true, tx: [] };
    const packet = { if: 'ext' as const, ip: hex({}) };
    assert.equal(await verdictOf([quiet]), 'agrees');
    const kernels: Step = { ...quiet, tx: [{ ...packet, origin: 'stack' }] };
    assert.equal(await verdictOf([kernels]), 'agrees');
    assert.equal(await verdictOf([{ ...quiet, tx: [packet] }]), 'differs');
  });

  describe('reports as unsupported, not as passed,', () => {
    for (const [what, steps, fields, reason] of [
      ['firewall marks', SET_UP, { marks: [{ d: VIP, mark: 1 }] }, 'unsupported: firewall marks'],
      ['IPv6', SET_UP, { ip6: true }, 'unsupported: IPv6'],
      ['UDP', [command(0, `-A -u ${VIP}:53`)], {}, /^unsupported: UDP/],
      ['a service by mark', [command(0, '-A -f 1')], {}, /^unsupported: /],
      [
        'direct routing',
        [...SET_UP, command(30, `-a -t ${VIP}:80 -r 10.2.0.3 -g`)],
        {},
        /^unsupported: .*-g/,
      ],
      [
        'what a line of -R needs',
        [{ ...command(0, '-R'), stdin: `-A -u ${VIP}:53\n` }],
        {},
        /^unsupported: UDP/,
      ],
      [
        'a setting that isn’t built',
        SET_UP,
        { sysctl: { backup_only: 1 } },
        'unsupported: setting backup_only',
      ],
    ] as const) {
      it(what, async () => {
        const verdict = await verdictOf([...steps], fields as Partial<Scenario>);
        if (typeof reason === 'string') assert.equal(verdict, reason);
        else assert.match(verdict, reason);
      });
    }

    it('but not a setting at the value it has anyhow', async () => {
      const sysctl = { backup_only: 0, sync_threshold: '3 50' };
      assert.equal(await verdictOf(SET_UP, { sysctl }), 'agrees');
    });
  });
});
