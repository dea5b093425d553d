/**
 * The hash functions by which the kernel's sh, dh and mh choose: the same client reaches the same server
 * through another director, or through the kernel's.
 */

/** 2^32 divided by the golden ratio, as the kernel rounds it. */
const GOLDEN_RATIO = 0x61c88647;

/** Multiplicative hash of an int32: its upper `bits` bits. */
export function multiplicativeHash(value: number, bits: number): number {
  return Math.imul(value, GOLDEN_RATIO) >>> (32 - bits);
}

const COMPRESSION_ROUNDS = 1;
const FINALISATION_ROUNDS = 3;
/** The message's last block carries its length, 4 bytes, in its top byte. */
const LENGTH_BYTE = 4 << 24;

/**
 * SipHash-1-3 of the int32 `value` as 4 little-endian bytes, both words of the key equal to `key` (uint32).
 * Returns the low 32 bits, unsigned. Aumasson and Bernstein, "SipHash: a fast short-input PRF". 64-bit words
 * are pairs of int32 (H high, L low), for BigInts are garbage.
 */
export function sipHash13(value: number, key: number): number {
  let v0H = 0x736f6d65;
  let v0L = 0x70736575 ^ key;
  let v1H = 0x646f7261;
  let v1L = 0x6e646f6d ^ key;
  let v2H = 0x6c796765;
  let v2L = 0x6e657261 ^ key;
  let v3H = 0x74656462 ^ LENGTH_BYTE;
  let v3L = 0x79746573 ^ key ^ value;
  for (let round = 0; round < COMPRESSION_ROUNDS + FINALISATION_ROUNDS; round++) {
    if (round === COMPRESSION_ROUNDS) {
      v0H ^= LENGTH_BYTE;
      v0L ^= value;
      v2L ^= 0xff;
    }
    // v0 += v1; v1 = rotate(v1, 13) ^ v0; v0 = rotate(v0, 32)
    let low = (v0L >>> 0) + (v1L >>> 0);
    let high = (v0H + v1H + (low > 0xffffffff ? 1 : 0)) | 0;
    const v1Turned = ((v1H << 13) | (v1L >>> 19)) ^ high;
    v1L = ((v1L << 13) | (v1H >>> 19)) ^ (low | 0);
    v1H = v1Turned;
    v0H = low | 0;
    v0L = high;
    // v2 += v3; v3 = rotate(v3, 16) ^ v2
    low = (v2L >>> 0) + (v3L >>> 0);
    v2H = (v2H + v3H + (low > 0xffffffff ? 1 : 0)) | 0;
    v2L = low | 0;
    let v3Turned = ((v3H << 16) | (v3L >>> 16)) ^ v2H;
    v3L = ((v3L << 16) | (v3H >>> 16)) ^ v2L;
    v3H = v3Turned;
    // v0 += v3; v3 = rotate(v3, 21) ^ v0
    low = (v0L >>> 0) + (v3L >>> 0);
    v0H = (v0H + v3H + (low > 0xffffffff ? 1 : 0)) | 0;
    v0L = low | 0;
    v3Turned = ((v3H << 21) | (v3L >>> 11)) ^ v0H;
    v3L = ((v3L << 21) | (v3H >>> 11)) ^ v0L;
    v3H = v3Turned;
    // v2 += v1; v1 = rotate(v1, 17) ^ v2; v2 = rotate(v2, 32)
    low = (v2L >>> 0) + (v1L >>> 0);
    high = (v2H + v1H + (low > 0xffffffff ? 1 : 0)) | 0;
    const v1TurnedAgain = ((v1H << 17) | (v1L >>> 15)) ^ high;
    v1L = ((v1L << 17) | (v1H >>> 15)) ^ (low | 0);
    v1H = v1TurnedAgain;
    v2H = low | 0;
    v2L = high;
  }
  return (v0L ^ v1L ^ v2L ^ v3L) >>> 0;
}
