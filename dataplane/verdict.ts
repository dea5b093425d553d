/**
 * What the engine decides about a frame, as one int32:
 *
 *      31                8 7        0
 *     +-------------------+----------+
 *     |       value       |   kind   |
 *     +-------------------+----------+
 *
 * | kind   | value       | what the caller does                                                       |
 * |--------|-------------|----------------------------------------------------------------------------|
 * | KERNEL | 0           | nothing: the kernel has its own copy of this frame                         |
 * | KERNEL | 1           | hands the frame back to the kernel: interception hid it                    |
 * | SEND   | port        | sends the frame, rewritten in place, out of that port                      |
 * | ANSWER | port        | drops the frame and sends `engine.answers` instead                         |
 * | PARK   | hop         | keeps the rewritten frame until that next hop's MAC address is known       |
 * | DROP   | drop reason | nothing: the engine has counted it                                         |
 * | HOLD   | 0           | nothing: the engine keeps it until its other fragments come                |
 */
export const KERNEL = 0;
export const SEND = 1;
export const ANSWER = 2;
export const PARK = 3;
export const DROP = 4;
export const HOLD = 5;

/** KERNEL with a copy already there, and KERNEL for a frame that interception has hidden. */
export const LEAVE = KERNEL;
export const HAND_BACK = KERNEL | (1 << 8);

export function verdictKind(verdict: number): number {
  return verdict & 0xff;
}

export function verdictValue(verdict: number): number {
  return verdict >> 8;
}

export function makeVerdict(kind: number, value: number): number {
  return kind | (value << 8);
}
