import assert from 'node:assert/strict';
import fc from 'fast-check';
import { short } from '../../../src/observe/page/browser/numbers.js';

describe('short numbers', () => {
  it('are exact to 9999, and of three digits beyond', () => {
    const texts = [0, 9999, 10_000, 99_949, 99_951, 999_499, 999_501, 1_234_567, 45.6e9, 1e15];
    assert.deepEqual(texts.map(short), [
      '0',
      '9999',
      '10.0k',
      '99.9k',
      '100k',
      '999k',
      '1.00M',
      '1.23M',
      '45.6G',
      '1.00P',
    ]);
  });

  it('have five characters at most', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e20, noNaN: true }),
        (value) => short(value).length <= 5,
      ),
      { seed: 3 },
    );
  });
});
