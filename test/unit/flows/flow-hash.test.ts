import assert from 'node:assert/strict';
import fc from 'fast-check';
import { flowHash, STIRRING_FACTOR } from '../../../dataplane/flows/flow-hash.js';

const word = fc.oneof(
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  fc.constantFrom(0, 1, -1, 0x7fff_ffff, -0x8000_0000, 0xffff, -0x1_0000),
);

const wide = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

describe('the hash of a flow', () => {
  it('spreads a client’s ports over the buckets with any key', () => {
    const random = fc.noBias(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));
    const keys = fc.array(random, { minLength: 6, maxLength: 6 });
    const buckets = 4096;
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 4 }), (key, step) => {
        const used = new Set<number>();
        for (let port = 0; port < buckets; port++) {
          const swapped = ((port * step) << 8) | ((port * step) >>> 8);
          const hash = flowHash(Int32Array.from(key), 0x0201_000a, 0x6401_000a, swapped & 0xffff);
          used.add(hash & (buckets - 1));
        }
        // Random places would use 1 - 1/e of them.
        assert.ok(used.size > buckets / 2, `${used.size} of ${buckets}`);
      }),
      { seed: 20_261_122, numRuns: 200 },
    );
  });

  it('is the upper half of a sum of products modulo 2^64, stirred', () => {
    const keys = fc.array(word, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(keys, word, word, word, (key, source, destination, ports) => {
        const [a, b, c] = [0, 2, 4].map((i) => wide(key[i], key[i + 1]));
        const addresses = BigInt((source ^ destination) >>> 0);
        const sum = BigInt.asUintN(64, a * addresses + b * BigInt(ports >>> 0) + c);
        const hash = flowHash(Int32Array.from(key), source, destination, ports);
        const upper = Number(BigInt.asIntN(32, sum >> 32n));
        const once = Math.imul(upper ^ (upper >>> 15), STIRRING_FACTOR);
        assert.equal(hash, once ^ (once >>> 16));
      }),
      { seed: 20_261_122, numRuns: 5000 },
    );
  });
});
