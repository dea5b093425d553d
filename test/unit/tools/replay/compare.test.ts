import assert from 'node:assert/strict';
import {
  compareCommand,
  comparePackets,
  type PacketOutcome,
  type SentPacket,
} from '../../../../src/tools/replay/compare.js';
import type { CommandStep, RecordedPacket } from '../../../../src/tools/replay/scenario.js';
import { ETHERNET, expectedTcpChecksum, tcpFrame, type TcpFrame } from '../../../support/frames.js';
import { write16 } from '../../../../dataplane/wire/bytes.js';
import { updateHeaderChecksum } from '../../../../dataplane/wire/ipv4.js';

const LISTING = `IPVS connection entries
pro expire state       source             virtual            destination
TCP 14:59  ESTABLISHED 10.1.0.2:4000      10.1.0.100:80      10.2.0.3:80
TCP 00:57  SYN_RECV    10.1.0.2:4001      10.1.0.100:80      10.2.0.3:80
TCP 05:10  ASSURED     10.1.0.2:0         10.1.0.100:80      10.2.0.3:80
`;

const step = (fields: Partial<CommandStep>): CommandStep => ({
  at: 0,
  adm: '-Ln',
  exit: 0,
  stdout: '',
  stderr: '',
  ...fields,
});

/** The listing with more rows that differ in their times alone. */
function rows(...times: string[]): string {
  return LISTING + times.map((time) => `TCP ${time}  NONE        1.1.1.1:1 2:2 3:3\n`).join('');
}

function agrees(recorded: Partial<CommandStep>, came: Partial<CommandStep>): boolean {
  return compareCommand(step(recorded), step(came)).length === 0;
}

describe('comparing commands', () => {
  it('wants exit status and both streams equal', () => {
    const same = { exit: 2, stdout: 'a\n', stderr: 'b\n' };
    assert.equal(agrees(same, same), true);
    assert.equal(agrees(same, { ...same, exit: 255 }), false);
    assert.equal(agrees(same, { ...same, stdout: 'a \n' }), false);
    assert.equal(agrees(same, { ...same, stderr: 'b' }), false);
  });

  it('tells exit status and lines that differ', () => {
    const recorded = step({ exit: 1, stdout: 'a\nb\nc\n' });
    assert.deepEqual(compareCommand(recorded, { exit: 0, stdout: 'a\nX\nc\n', stderr: '' }), [
      { what: 'exit status', recorded: ['1'], came: ['0'] },
      { what: 'stdout', recorded: ['"b"'], came: ['"X"'] },
    ]);
  });

  it('takes connections in any order', () => {
    const lines = LISTING.split('\n');
    const turned = [...lines.slice(0, 2), lines[4], lines[2], lines[3], ''].join('\n');
    assert.equal(agrees({ stdout: LISTING }, { stdout: turned }), true);
  });

  for (const [what, from, to, expected] of [
    ['2 seconds less', '14:59', '14:57', true],
    ['2 seconds more', '00:57', '00:59', true],
    ['3 seconds more', '14:59', '15:02', false],
    ['another state', 'SYN_RECV ', 'FIN_WAIT ', false],
    ['another server', '10.2.0.3:80\n', '10.2.0.4:80\n', false],
    ['a column moved', 'TCP 14:59  ', 'TCP 14:59 ', false],
    ['another title', 'pro expire', 'pro  expire', false],
    ['a row more', 'TCP 00:57', 'TCP 00:57  CLOSE\nTCP 00:57', false],
  ] as const) {
    it(`${expected ? 'allows' : 'refuses'} ${what} in a connection listing`, () => {
      assert.ok(LISTING.includes(from));
      assert.equal(agrees({ stdout: LISTING }, { stdout: LISTING.replace(from, to) }), expected);
    });
  }

  it('allows a template, and nothing else, the tolerance of its step', () => {
    const later = LISTING.replace('05:10', '05:01');
    assert.equal(agrees({ stdout: LISTING }, { stdout: later }), false);
    assert.equal(agrees({ stdout: LISTING, tol: 9 }, { stdout: later }), true);
    assert.equal(agrees({ stdout: LISTING, tol: 8 }, { stdout: later }), false);
    const connection = LISTING.replace('14:59', '14:50');
    assert.equal(agrees({ stdout: LISTING, tol: 9 }, { stdout: connection }), false);
  });

  it('pairs rows of the same text by their times', () => {
    assert.equal(
      agrees({ stdout: rows('00:10', '00:20') }, { stdout: rows('00:21', '00:11') }),
      true,
    );
    assert.equal(
      agrees({ stdout: rows('00:10', '00:20') }, { stdout: rows('00:20', '00:20') }),
      false,
    );
  });

  it('wants a usage text where one was recorded, in its stream', () => {
    const theirs = { stdout: 'ipvsadm v1.31\nUsage:\n  ipvsadm -A ...\n' };
    assert.equal(agrees(theirs, { stdout: 'Usage: ours\n' }), true);
    assert.equal(agrees(theirs, { stdout: '' }), false);
    assert.equal(agrees(theirs, { stderr: 'Usage: ours\n' }), false);
    assert.equal(agrees(theirs, { stdout: 'Usage: ours\n', exit: 2 }), false);
  });
});

const SYN = 0x02;
const RST = 0x04;
const segment = (fields: Partial<TcpFrame> = {}) =>
  tcpFrame({
    source: '10.1.0.2',
    sourcePort: 4000,
    destination: '10.2.0.2',
    destinationPort: 80,
    flags: SYN,
    ...fields,
  }).slice(ETHERNET);

function recordedPacket(packet: Uint8Array, fields: Partial<RecordedPacket> = {}): RecordedPacket {
  return { if: 'int', ip: Buffer.from(packet).toString('hex'), ...fields };
}

/** An ICMP error of type unreachable, taken for ip_vs's. */
function unreachable(code: number): RecordedPacket {
  const packet = new Uint8Array(56);
  packet.set(segment().subarray(0, 20));
  packet[3] = packet.length;
  packet[9] = 1;
  packet[20] = 3;
  packet[21] = code;
  updateHeaderChecksum(packet, 0);
  return recordedPacket(packet, { origin: 'ipvs' });
}

const sent = (packet: Uint8Array, fields: object = {}): PacketOutcome => ({
  sent: [{ if: 'int', packet, nextHop: '10.2.0.2', ...fields }],
  leftToKernel: false,
  verdict: 'sent',
});
const sentAll = (...packets: SentPacket[]): PacketOutcome => ({ ...dropped, sent: packets });
const left: PacketOutcome = { sent: [], leftToKernel: true, verdict: 'left to the kernel' };
const dropped: PacketOutcome = { sent: [], leftToKernel: false, verdict: 'dropped' };

function packetsAgree(
  recorded: RecordedPacket[],
  came: PacketOutcome,
  arrived = segment(),
): boolean {
  return comparePackets(recorded, came, arrived).length === 0;
}

describe('comparing packets', () => {
  it('wants every byte, the port and the next hop', () => {
    const packet = segment();
    const theirs = [recordedPacket(packet)];
    assert.equal(packetsAgree(theirs, sent(packet)), true);
    for (let at = 0; at < packet.length; at++) {
      const other = packet.slice();
      other[at] ^= 1;
      assert.equal(packetsAgree(theirs, sent(other)), false, `byte ${at}`);
    }
    assert.equal(packetsAgree(theirs, sent(packet, { if: 'ext' })), false);
    assert.equal(packetsAgree(theirs, sent(packet, { nextHop: '10.2.0.9' })), false);
    const byGateway = [recordedPacket(packet, { nh: '10.2.0.9' })];
    assert.equal(packetsAgree(byGateway, sent(packet, { nextHop: '10.2.0.9' })), true);
    assert.equal(packetsAgree(byGateway, sent(packet)), false);
  });

  it('wants as many packets, in order at each port', () => {
    const [a, b] = [segment({ sourcePort: 1 }), segment({ sourcePort: 2 })];
    const [toA, toB] = [sent(a).sent[0], sent(b).sent[0]];
    const theirs = [recordedPacket(a), recordedPacket(b)];
    assert.equal(packetsAgree(theirs, sentAll(toA, toB)), true);
    assert.equal(packetsAgree(theirs, sentAll(toB, toA)), false);
    assert.equal(packetsAgree(theirs, sentAll(toA)), false);
    assert.equal(packetsAgree(theirs, sentAll(toA, toB, toB)), false);
    const onTwoPorts = [recordedPacket(a, { if: 'ext' }), recordedPacket(b)];
    assert.equal(packetsAgree(onTwoPorts, sentAll(toB, { ...toA, if: 'ext' })), true);
  });

  it('doesn’t count what is behind a packet', () => {
    const padded = new Uint8Array(60);
    padded.set(segment());
    assert.equal(packetsAgree([recordedPacket(segment())], sent(padded)), true);
  });

  it('takes any identification of a packet that the kernel made, and no other', () => {
    const theirs = segment();
    write16(theirs, 4, 0);
    updateHeaderChecksum(theirs, 0);
    for (const [origin, expected] of [
      ['ipvs', true],
      ['stack', true],
      ['route', false],
      [undefined, false],
    ] as const) {
      const fields = origin === undefined ? {} : { origin };
      assert.equal(packetsAgree([recordedPacket(theirs, fields)], sent(segment())), expected);
    }
  });

  it('lets the kernel do what was the work of its stack and its forwarding', () => {
    const packet = segment();
    const stack = recordedPacket(packet, { origin: 'stack' });
    const route = recordedPacket(packet, { origin: 'route' });
    assert.equal(packetsAgree([stack, route], left), true);
    assert.equal(packetsAgree([stack], dropped), false);
    assert.equal(packetsAgree([recordedPacket(packet)], left), false);
    assert.equal(packetsAgree([stack, recordedPacket(packet)], left), false);
    assert.equal(packetsAgree([recordedPacket(packet, { origin: 'ipvs' })], left), false);
  });

  it('counts protocol unreachable as the stack’s, but no other ICMP error of ip_vs', () => {
    assert.equal(packetsAgree([unreachable(2)], left), true);
    assert.equal(packetsAgree([unreachable(3)], left), false);
  });

  describe('where nothing was recorded', () => {
    for (const [what, fields, expected] of [
      ['a segment to the director', { destination: '10.1.0.100' }, false],
      ['a reset to the director', { destination: '10.1.0.100', flags: RST }, true],
      ['a segment to another host', { destination: '10.2.0.2' }, false],
      ['a segment to another host at its last hop', { destination: '10.2.0.2', ttl: 1 }, true],
      ['a segment to everybody', { destination: '10.1.0.255' }, true],
      ['a segment to a loopback address', { destination: '127.0.0.1' }, true],
      ['a segment to a host that is not there', { destination: '10.2.0.77' }, true],
      ['a segment to a host beyond the gateway', { destination: '192.0.2.1' }, false],
      [
        'a segment from a host that is not there',
        { source: '10.1.0.77', destination: '10.1.0.100' },
        true,
      ],
      ['a segment from the director', { source: '10.1.0.1', destination: '10.1.0.100' }, true],
    ] as const) {
      it(`the kernel may ${expected ? '' : 'not '}have ${what}`, () => {
        const arrived = segment(fields);
        assert.equal(packetsAgree([], left, arrived), expected);
        assert.equal(packetsAgree([], dropped, arrived), true);
      });
    }

    it('the kernel may have segments that it finds broken', () => {
      const broken = segment({ destination: '10.1.0.100' });
      broken[30] ^= 1;
      assert.equal(packetsAgree([], left, broken), true);
      const overlong = segment({ destination: '10.1.0.100' });
      overlong[32] = 0xf0;
      write16(overlong, 36, expectedTcpChecksum(overlong, 0));
      assert.equal(packetsAgree([], left, overlong), true);
      const headless = segment();
      headless[10] ^= 1;
      assert.equal(packetsAgree([], left, headless), true);
    });

    it('the engine may not send anything', () => {
      assert.equal(packetsAgree([], sent(segment())), false);
    });
  });

  it('tells both in words, and the bytes that differ', () => {
    const other = segment();
    other[21] ^= 1;
    const [difference] = comparePackets([recordedPacket(segment())], sent(other), null);
    assert.deepEqual(difference.recorded, [
      'int TCP 10.1.0.2:4000>10.2.0.2:80 S seq=1000 ack=0 len=0 ttl=64',
    ]);
    assert.match(difference.came[0], /^int TCP 10\.1\.0\.2:4001>.* BADSUM .*\(byte 21: a1/);
    const [missing] = comparePackets([recordedPacket(segment())], dropped, null);
    assert.deepEqual(missing.came, ['nothing: dropped']);
    const [tooMuch] = comparePackets([], sent(segment()), null);
    assert.deepEqual(tooMuch.recorded, ['nothing']);
  });
});
