/**
 * The rings of a port: two, because TCP super-segments are forty times as large as other frames. Slots for 64 KB
 * in the number that a flood of small frames takes would be too much memory.
 *
 *     small ring   2048 slots of  2 KB    frames of an ordinary MTU
 *     large ring    128 slots of 68 KB    super-segments, jumbo frames
 */
import { PAGE_BYTES } from '../sys/memory.js';
import type { RingGeometry } from './tpacket.js';

const SMALL_SLOT_BYTES = 2048;
const LARGE_SLOT_BYTES = 17 * PAGE_BYTES;
const SMALL_BLOCK_BYTES = 16 * PAGE_BYTES;
/** What fits into a small slot behind its headers. */
export const SMALL_FRAME_MAX = SMALL_SLOT_BYTES - 128;

export interface RingSizes {
  /** Slots of the small ring, a multiple of 32. */
  smallSlots: number;
  largeSlots: number;
}

export const DEFAULT_SIZES: RingSizes = { smallSlots: 2048, largeSlots: 128 };

/** The rings of a port, small one first. */
export function ringGeometries({
  smallSlots,
  largeSlots,
}: RingSizes = DEFAULT_SIZES): RingGeometry[] {
  return [
    { slots: smallSlots, slotBytes: SMALL_SLOT_BYTES, blockBytes: SMALL_BLOCK_BYTES },
    { slots: largeSlots, slotBytes: LARGE_SLOT_BYTES, blockBytes: LARGE_SLOT_BYTES },
  ];
}
