import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  applyDifference,
  applyPartialDifference,
  checksum,
  difference16,
  difference32,
  fold,
  sumWords,
} from '../../dataplane/wire/checksum.js';
import { read16, read32, write16, write32 } from '../../dataplane/wire/bytes.js';

/** The textbook sum, word by word with end-around carry. */
function referenceSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

const word = fc.oneof(
  fc.constantFrom(0x0000, 0xffff, 0x0001, 0xfffe, 0x8000),
  fc.integer({ min: 0, max: 0xffff }),
);
const long = fc.tuple(word, word).map(([high, low]) => (high << 16) | low);

describe('internet checksum', () => {
  it('equals the textbook sum for any bytes of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        const expected = referenceSum(bytes) % 0xffff;
        assert.equal(fold(sumWords(bytes, 0, bytes.length, 0)) % 0xffff, expected);
      }),
    );
  });

  it('comes out the same updated or recomputed, for words at the edges too', () => {
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 4, maxLength: 20 }),
        word,
        long,
        (words, after16, after32) => {
          // Word 0 is the checksum field, word 1 changes, words 2 and 3 change together.
          // One more stays 0x4500: a header is never all zeros.
          const bytes = new Uint8Array((words.length + 2) * 2);
          words.forEach((value, i) => write16(bytes, i * 2, value));
          write16(bytes, words.length * 2, 0x4500);
          write16(bytes, 0, 0);
          write16(bytes, 0, checksum(bytes, 0, bytes.length));

          const difference =
            difference16(read16(bytes, 2), after16) + difference32(read32(bytes, 4), after32);
          write16(bytes, 2, after16);
          write32(bytes, 4, after32);
          applyDifference(bytes, 0, difference);

          const updated = read16(bytes, 0);
          write16(bytes, 0, 0);
          assert.equal(updated, checksum(bytes, 0, bytes.length));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('keeps a wrong checksum wrong by the same amount', () => {
    fc.assert(
      fc.property(word, word, word, (field, before, after) => {
        const bytes = new Uint8Array(4);
        write16(bytes, 0, field);
        write16(bytes, 2, before);
        const error = fold(sumWords(bytes, 0, 4, 0)) % 0xffff;
        applyDifference(bytes, 0, difference16(before, after));
        write16(bytes, 2, after);
        assert.equal(fold(sumWords(bytes, 0, 4, 0)) % 0xffff, error);
      }),
    );
  });

  it('updates the uninverted sum of a partial checksum', () => {
    fc.assert(
      fc.property(long, long, word, (before, after, rest) => {
        const bytes = new Uint8Array(6);
        write32(bytes, 2, before);
        write16(bytes, 0, fold((before >>> 16) + (before & 0xffff) + rest));
        applyPartialDifference(bytes, 0, difference32(before, after));
        const expected = fold((after >>> 16) + (after & 0xffff) + rest);
        assert.equal(read16(bytes, 0) % 0xffff, expected % 0xffff);
      }),
    );
  });
});
