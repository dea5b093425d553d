/** A packet as firewall rules see it, for finding out what they would do with it. */
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';

/** Bits of `ct state`. */
export const CT_ESTABLISHED = 2;
export const CT_NEW = 8;

export interface Packet {
  /** From the Ethernet header on. */
  frame: Uint8Array;
  /** Of the frame's bytes, those that may be anything: [from, to). */
  arbitrary: readonly [from: number, to: number][];
  /** Null where it came in by none, or leaves by none. */
  input: Link | null;
  output: Link | null;
  /** Bits of `ct state`; null: any. */
  ctState: number | null;
}

/** Bytes of the frame, null where some may be anything or aren't there. */
export function bytesOf(
  { frame, arbitrary }: Packet,
  from: number,
  length: number,
): Uint8Array | null {
  const to = from + length;
  if (to > frame.length || arbitrary.some(([start, end]) => from < end && start < to)) return null;
  return frame.subarray(from, to);
}
