/**
 * The rings of a port: one for super-segments, because they are forty times as large as other frames, and slots
 * for 64 KB in the number that a flood of small frames takes would be too much memory; and one for SYNs, so that a
 * flood of them fills that one, and established connections lose nothing.
 *
 *     small ring   2048 slots of  2 KB    frames of an ordinary MTU
 *     large ring    128 slots of 68 KB    super-segments, jumbo frames
 *     SYN ring     2048 slots of 256 B    SYNs without ACK
 */
import { PAGE_BYTES } from '../sys/memory.js';
import type { RingGeometry } from './tpacket.js';

const SMALL_SLOT_BYTES = 2048;
const LARGE_SLOT_BYTES = 17 * PAGE_BYTES;
const SMALL_BLOCK_BYTES = 16 * PAGE_BYTES;
/** What fits into a small slot behind its headers. */
export const SMALL_FRAME_MAX = SMALL_SLOT_BYTES - 128;
const SYN_SLOT_BYTES = 256;
export const SYN_FRAME_MAX = SYN_SLOT_BYTES - 128;

export interface RingSizes {
  /** Slots of the small ring, a multiple of 32. */
  smallSlots: number;
  largeSlots: number;
  /** A multiple of 256. */
  synSlots: number;
}

export const DEFAULT_SIZES: RingSizes = { smallSlots: 2048, largeSlots: 128, synSlots: 2048 };

/** The rings of a port: small, large, SYN. */
export function ringGeometries({
  smallSlots,
  largeSlots,
  synSlots,
}: RingSizes = DEFAULT_SIZES): RingGeometry[] {
  return [
    { slots: smallSlots, slotBytes: SMALL_SLOT_BYTES, blockBytes: SMALL_BLOCK_BYTES },
    { slots: largeSlots, slotBytes: LARGE_SLOT_BYTES, blockBytes: LARGE_SLOT_BYTES },
    { slots: synSlots, slotBytes: SYN_SLOT_BYTES, blockBytes: SMALL_BLOCK_BYTES },
  ];
}
