import assert from 'node:assert/strict';
import fc from 'fast-check';
import { buildFilter, type FilterPrecision } from '../../dataplane/sys/filter.js';
import type { Endpoint, Endpoints } from '../../dataplane/sys/interception.js';
import { runBpf } from '../support/bpf.js';

const TCP = 6;
const UDP = 17;
const ICMP = 1;

interface Sample {
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
  protocol: number;
  fragmentOffset: number;
  optionWords: number;
  icmpType: number;
  packetType: number;
  vlanTagPresent: boolean;
  ethertype: number;
}

/** Few addresses, so that frames often hit endpoints; both halves of the number range. */
const address = fc.constantFrom(
  -1,
  -2,
  -0x7fffffff,
  0x7fffffff,
  0x0a010064,
  0x0a010065,
  0x0a020001,
  1,
);
const port = fc.constantFrom(1, 79, 80, 81, 443, 65_535);
const endpoint = fc.record({
  address,
  port: fc.oneof({ weight: 9, arbitrary: port }, fc.constant(0)),
});
const endpoints = fc.record({
  virtual: fc.array(endpoint, { maxLength: 20 }),
  real: fc.array(endpoint, { maxLength: 20 }),
});
const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, other);
const sample: fc.Arbitrary<Sample> = fc.record({
  source: address,
  destination: address,
  sourcePort: port,
  destinationPort: port,
  protocol: mostly(TCP, fc.constantFrom(UDP, ICMP)),
  fragmentOffset: mostly(0, fc.integer({ min: 1, max: 0x1fff })),
  optionWords: mostly(0, fc.integer({ min: 1, max: 10 })),
  icmpType: fc.constantFrom(0, 3, 4, 5, 8, 11, 12),
  packetType: mostly(0, fc.integer({ min: 1, max: 4 })),
  vlanTagPresent: mostly(false, fc.constant(true)),
  ethertype: mostly(0x0800, fc.constantFrom(0x0806, 0x86dd, 0x8100)),
});

function frameOf(s: Sample): Buffer {
  const ipBytes = 20 + 4 * s.optionWords;
  const frame = Buffer.alloc(14 + ipBytes + 20);
  frame.writeUInt16BE(s.ethertype, 12);
  frame[14] = 0x40 | (ipBytes / 4);
  frame.writeUInt16BE(s.fragmentOffset | 0x2000, 20);
  frame[23] = s.protocol;
  frame.writeInt32BE(s.source, 26);
  frame.writeInt32BE(s.destination, 30);
  if (s.protocol === ICMP) {
    frame[14 + ipBytes] = s.icmpType;
    frame[14 + ipBytes + 1] = 0xff;
  } else {
    frame.writeUInt16BE(s.sourcePort, 14 + ipBytes);
    frame.writeUInt16BE(s.destinationPort, 14 + ipBytes + 2);
  }
  return frame;
}

/** The same decision, said plainly. */
function isWanted(s: Sample, { virtual, real }: Endpoints, precision: FilterPrecision): boolean {
  if (s.packetType !== 0 || s.vlanTagPresent || s.ethertype !== 0x0800) return false;
  if (s.protocol === ICMP) return s.fragmentOffset === 0 && [3, 4, 11].includes(s.icmpType);
  if (s.protocol !== TCP) return false;
  if (precision === 'tcp') return true;
  const anyPort = precision === 'addresses' || s.fragmentOffset !== 0;
  const isAt = (end: Endpoint, at: number, atPort: number): boolean =>
    end.address === at && (anyPort || end.port === 0 || end.port === atPort);
  return (
    virtual.some((end) => isAt(end, s.destination, s.destinationPort)) ||
    real.some((end) => isAt(end, s.source, s.sourcePort))
  );
}

function hosts(count: number, ports: number): Endpoint[] {
  return Array.from({ length: count * ports }, (_, i) => ({ address: i % count, port: i + 1 }));
}

function passes(program: Uint8Array, s: Sample): boolean {
  const { packetType, vlanTagPresent } = s;
  return runBpf(program, frameOf(s), { packetType, vlanTagPresent }) > 0;
}

describe('socket filter', () => {
  it('passes exactly the frames that concern the endpoints', () => {
    fc.assert(
      fc.property(
        endpoints,
        fc.array(sample, { minLength: 50, maxLength: 50 }),
        (ends, samples) => {
          const { program, precision } = buildFilter(ends);
          assert.equal(precision, 'endpoints');
          for (const s of samples) assert.equal(passes(program, s), isWanted(s, ends, precision));
        },
      ),
    );
  });

  it('becomes coarser where there is no room, but never loses a frame', () => {
    fc.assert(
      fc.property(
        endpoints,
        fc.integer({ min: 40, max: 200 }),
        fc.array(sample, { minLength: 50, maxLength: 50 }),
        (ends, room, samples) => {
          const { program, precision } = buildFilter(ends, room);
          assert.ok(program.length <= room * 8);
          for (const s of samples) assert.equal(passes(program, s), isWanted(s, ends, precision));
        },
      ),
    );
  });

  it('finds each of many endpoints, over jumps longer than a conditional one reaches', () => {
    const real = Array.from({ length: 900 }, (_, i) => ({ address: i * 7 - 3000, port: 8080 }));
    const virtual = Array.from({ length: 20 }, (_, i) => ({ address: 5, port: i * 3 + 1 }));
    const { program, precision } = buildFilter({ virtual, real });
    assert.equal(precision, 'endpoints');
    const plain: Sample = {
      source: 0,
      destination: 0,
      sourcePort: 0,
      destinationPort: 0,
      protocol: TCP,
      fragmentOffset: 0,
      optionWords: 0,
      icmpType: 0,
      packetType: 0,
      vlanTagPresent: false,
      ethertype: 0x0800,
    };
    for (const end of real) {
      const from = { ...plain, source: end.address, sourcePort: 8080 };
      assert.ok(passes(program, from));
      assert.ok(!passes(program, { ...from, source: end.address + 1 }));
      assert.ok(!passes(program, { ...from, sourcePort: 8081 }));
    }
    for (const end of virtual) {
      const to = { ...plain, destination: 5, destinationPort: end.port };
      assert.ok(passes(program, to));
      assert.ok(!passes(program, { ...to, destinationPort: end.port + 1 }));
    }
  });

  it('goes by addresses for some hundred lists of ports, and by protocol for thousands of hosts', () => {
    assert.equal(buildFilter({ virtual: [], real: hosts(300, 20) }).precision, 'addresses');
    assert.equal(buildFilter({ virtual: [], real: hosts(5000, 1) }).precision, 'tcp');
  });

  it('takes nothing from a frame that ends early', () => {
    const ends = { virtual: [{ address: 1, port: 80 }], real: [] };
    const { program } = buildFilter(ends);
    for (let length = 0; length < 38; length++) {
      const bytes = Buffer.alloc(length);
      if (length > 23) Buffer.from([0x08, 0, 0x45]).copy(bytes, 12);
      if (length > 23) bytes[23] = TCP;
      if (length > 33) bytes.writeInt32BE(1, 30);
      assert.equal(runBpf(program, bytes, { packetType: 0, vlanTagPresent: false }), 0);
    }
  });
});
