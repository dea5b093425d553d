import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ALL_FRAMES, RING_FILTERS, ringFilter } from '../../dataplane/driver/ring-filters.js';
import { SMALL_FRAME_MAX, SYN_FRAME_MAX } from '../../dataplane/driver/ring-sizes.js';
import { runBpf } from '../support/bpf.js';

const SMALL = 0;
const LARGE = 1;
const SYNS = 2;
const TCP = 6;
const SYN = 0x02;
const ACK = 0x10;
const OURS = { packetType: 0, vlanTagPresent: false };

interface Sample {
  length: number;
  ethertype: number;
  protocol: number;
  fragment: number;
  optionWords: number;
  tcpFlags: number;
}

const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, other);
const sample: fc.Arbitrary<Sample> = fc.record({
  length: fc.oneof(
    fc.integer({ min: 14, max: 120 }),
    fc.integer({ min: SYN_FRAME_MAX - 2, max: SYN_FRAME_MAX + 2 }),
    fc.integer({ min: SMALL_FRAME_MAX - 2, max: SMALL_FRAME_MAX + 2 }),
  ),
  ethertype: mostly(0x0800, fc.constantFrom(0x0806, 0x86dd)),
  protocol: mostly(TCP, fc.constantFrom(1, 17)),
  fragment: mostly(0, fc.constantFrom(1, 0x1fff, 0x2000, 0x4000)),
  optionWords: mostly(0, fc.integer({ min: 1, max: 10 })),
  tcpFlags: fc.oneof(fc.constantFrom(SYN, SYN | ACK, ACK), fc.integer({ min: 0, max: 255 })),
});

function frameOf({ length, ethertype, protocol, fragment, optionWords, tcpFlags }: Sample): Buffer {
  const frame = Buffer.alloc(128);
  frame.writeUInt16BE(ethertype, 12);
  frame[14] = 0x45 + optionWords;
  frame.writeUInt16BE(fragment, 20);
  frame[23] = protocol;
  frame[14 + 20 + 4 * optionWords + 13] = tcpFlags;
  return Buffer.concat([frame, Buffer.alloc(2000)]).subarray(0, length);
}

function isSyn(sample: Sample): boolean {
  const { length, ethertype, protocol, fragment, optionWords, tcpFlags } = sample;
  const isWhole = length >= 14 + 20 + 4 * optionWords + 20 && length <= SYN_FRAME_MAX;
  const isTcp = ethertype === 0x0800 && protocol === TCP && (fragment & 0x1fff) === 0;
  return isWhole && isTcp && (tcpFlags & (SYN | ACK)) === SYN;
}

function ringOf(sample: Sample): number {
  if (sample.length > SMALL_FRAME_MAX) return LARGE;
  return isSyn(sample) ? SYNS : SMALL;
}

describe("the rings' filters", () => {
  it('put every frame into exactly one ring: SYNs, what is long, and the rest', () => {
    fc.assert(
      fc.property(sample, (given) => {
        const frame = frameOf(given);
        const taken = RING_FILTERS.map((ring) => {
          return runBpf(ringFilter(ring, ALL_FRAMES), frame, OURS) > 0;
        });
        const expected = [SMALL, LARGE, SYNS].map((ring) => ring === ringOf(given));
        assert.deepEqual(taken, expected);
      }),
      { seed: 20_261_122, numRuns: 5000 },
    );
  });
});
