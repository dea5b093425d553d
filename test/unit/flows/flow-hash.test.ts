import assert from 'node:assert/strict';
import fc from 'fast-check';
import { flowHash } from '../../../dataplane/flows/flow-hash.js';

const word = fc.oneof(
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  fc.constantFrom(0, 1, -1, 0x7fff_ffff, -0x8000_0000, 0xffff, -0x1_0000),
);

const wide = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

describe('the hash of a flow', () => {
  it('is the upper half of a sum of products modulo 2^64', () => {
    const keys = fc.array(word, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(keys, word, word, word, (key, source, destination, ports) => {
        const [a, b, c] = [0, 2, 4].map((i) => wide(key[i], key[i + 1]));
        const addresses = BigInt((source ^ destination) >>> 0);
        const sum = BigInt.asUintN(64, a * addresses + b * BigInt(ports >>> 0) + c);
        const hash = flowHash(Int32Array.from(key), source, destination, ports);
        assert.equal(hash, Number(BigInt.asIntN(32, sum >> 32n)));
      }),
      { seed: 20_261_122, numRuns: 5000 },
    );
  });
});
