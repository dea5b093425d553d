/**
 * Which frame goes into which of a port's rings: the socket filter of each begins with these instructions, and
 * goes on with what the director wants to receive at all.
 *
 *     longer than a small slot            large ring
 *     TCP, SYN without ACK, and short     SYN ring
 *     anything else                       small ring
 *
 * Every frame goes into exactly one of them. What only looks like a SYN, such as a later fragment or a frame
 * that ends within its TCP header, is no SYN.
 */
import {
  assemble,
  goto,
  ifAnyBit,
  ifAtLeast,
  ifEqual,
  keep,
  loadByte,
  loadByteIndexed,
  loadHalf,
  loadIndexHeaderLength,
  loadLength,
  subtractIndex,
  type Item,
} from '../sys/bpf.js';
import { ACK, SYN } from '../wire/tcp.js';
import { SMALL_FRAME_MAX, SYN_FRAME_MAX } from './ring-sizes.js';

const ETHERTYPE = 12;
const ETHERTYPE_IPV4 = 0x0800;
const IP = 14;
const IP_FRAGMENT = IP + 6;
const IP_PROTOCOL = IP + 9;
const FRAGMENT_OFFSET_MASK = 0x1fff;
const IP_HEADER_BYTES = 20;
const TCP_HEADER_BYTES = 20;
const TCP_FLAGS = 13;
const TCP_PROTOCOL = 6;
const ALL_BYTES = 0x40000;
const WITHOUT_OPTIONS = 0x45;
const FLAGS_WITHOUT_OPTIONS = IP + IP_HEADER_BYTES + TCP_FLAGS;

/** Goes on at `syn` or at `other`. What is loaded is there: a load beyond the frame's end would reject it. */
const TELL_SYNS: Item[] = [
  loadLength(),
  ifAtLeast(SYN_FRAME_MAX + 1, 0, 1),
  goto('other'),
  ifAtLeast(IP + IP_HEADER_BYTES + TCP_HEADER_BYTES, 1, 0),
  goto('other'),
  // Nearly all frames are told by this alone: whatever they are otherwise, with this bit they are no SYN.
  loadByte(IP),
  ifEqual(WITHOUT_OPTIONS, 0, 3),
  loadByte(FLAGS_WITHOUT_OPTIONS),
  ifAnyBit(ACK, 0, 1),
  goto('other'),
  loadHalf(ETHERTYPE),
  ifEqual(ETHERTYPE_IPV4, 1, 0),
  goto('other'),
  loadByte(IP_PROTOCOL),
  ifEqual(TCP_PROTOCOL, 1, 0),
  goto('other'),
  loadHalf(IP_FRAGMENT),
  ifAnyBit(FRAGMENT_OFFSET_MASK, 0, 1),
  goto('other'),
  loadIndexHeaderLength(IP),
  loadLength(),
  subtractIndex(),
  ifAtLeast(IP + TCP_HEADER_BYTES, 1, 0),
  goto('other'),
  loadByteIndexed(IP + TCP_FLAGS),
  ifAnyBit(ACK, 0, 1),
  goto('other'),
  ifAnyBit(SYN, 0, 1),
  goto('syn'),
];

/** One goes on behind the other, and the last instruction is followed by the director's filter. */
export interface RingFilter {
  /** What a frame's length alone tells. */
  readonly length: Uint8Array;
  readonly kind: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** By ring, in the order of `ringGeometries`. */
export const RING_FILTERS: readonly RingFilter[] = [
  {
    length: assemble([loadLength(), ifAtLeast(SMALL_FRAME_MAX + 1, 0, 1), keep(0)]),
    kind: assemble([...TELL_SYNS, goto('other'), 'syn', keep(0), 'other']),
  },
  {
    length: assemble([loadLength(), ifAtLeast(SMALL_FRAME_MAX + 1, 1, 0), keep(0)]),
    kind: NOTHING,
  },
  { length: NOTHING, kind: assemble([...TELL_SYNS, 'other', keep(0), 'syn']) },
];

/** With what the director wants to receive. */
export function ringFilter({ length, kind }: RingFilter, program: Uint8Array): Uint8Array {
  return Buffer.concat([length, kind, program]);
}

/** A director's filter that wants everything. */
export const ALL_FRAMES = assemble([keep(ALL_BYTES)]);
