/**
 * The hash of a flow's ends, the same as in the kernel's programs: the upper half of
 *
 *     a * (source address xor destination address) + b * ports + c      modulo 2^64
 *
 * with random 64-bit numbers as key (multilinear hashing; Dietzfelbinger, 1996): clients choose their addresses
 * and ports and must not be able to choose their bucket. What comes of it is stirred once more: ports in a row would lie
 * in rows otherwise, and with some keys fill a tenth of the buckets beyond their room.
 */
/** An odd number with as many ones as zeros; the programs multiply by it, too. */
export const STIRRING_FACTOR = 0x2c1b_3c6d;

/** @param key six int32: a, b and c, each lower word first */
export function flowHash(
  key: Int32Array,
  source: number,
  destination: number,
  ports: number,
): number {
  const addresses = source ^ destination;
  const lowA = Math.imul(key[0], addresses);
  const lowB = Math.imul(key[2], ports);
  const low = (lowA >>> 0) + (lowB >>> 0) + (key[4] >>> 0);
  const carry = Math.floor(low / 0x1_0000_0000);
  const highA = upperHalf(key[0], addresses) + Math.imul(key[1], addresses);
  const highB = upperHalf(key[2], ports) + Math.imul(key[3], ports);
  return stirred((highA + highB + key[5] + carry) | 0);
}

function stirred(sum: number): number {
  const once = Math.imul(sum ^ (sum >>> 15), STIRRING_FACTOR);
  return once ^ (once >>> 16);
}

/** The upper 32 bits of the product of two uint32. */
function upperHalf(x: number, y: number): number {
  const [x0, x1, y0, y1] = [x & 0xffff, x >>> 16, y & 0xffff, y >>> 16];
  const middle = x1 * y0 + ((x0 * y0) >>> 16);
  const other = x0 * y1 + (middle & 0xffff);
  return (x1 * y1 + Math.floor(middle / 0x1_0000) + Math.floor(other / 0x1_0000)) | 0;
}
