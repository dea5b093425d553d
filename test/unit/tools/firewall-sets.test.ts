import assert from 'node:assert/strict';
import type { RulesetSet, SetElement } from '../../../dataplane/sys/nft-sets.js';
import { lookUp } from '../../../src/tools/doctor/firewall/sets.js';

function element(key: number[] | null, more: Partial<SetElement> = {}): SetElement {
  const bytes = key === null ? null : Buffer.from(key);
  return { key: bytes, keyEnd: null, isEnd: false, data: null, isConditional: false, ...more };
}

function setOf(elements: SetElement[], more: Partial<RulesetSet> = {}): RulesetSet {
  return { keyBytes: 1, isInterval: false, fieldBytes: [], isDynamic: false, elements, ...more };
}

function isIn(set: RulesetSet, ...key: number[]): boolean | 'perhaps' {
  const found = lookUp(set, Buffer.from(key));
  return found === 'perhaps' ? found : found !== null;
}

describe('sets of nf_tables', () => {
  const end = { isEnd: true };

  it('have their elements, and whatever a catch-all stands for', () => {
    const exact = [element([1]), element([5])];
    assert.deepEqual(
      [0, 1, 4, 5].map((key) => isIn(setOf(exact), key)),
      [false, true, false, true],
    );
    assert.equal(isIn(setOf([...exact, element(null)]), 4), true);
    assert.equal(isIn(setOf([])), false);
  });

  it('have intervals without their ends, adjacent ones and those up to the last key', () => {
    // As the kernel lists them: in no order, with an end at the very beginning. 2-3, 4-5, 200-255.
    const elements = [
      element([200]),
      element([4], end),
      element([6], end),
      element([2]),
      element([0], end),
      element([4]),
    ];
    const set = setOf(elements, { isInterval: true });
    const keys = [0, 1, 2, 3, 4, 5, 6, 199, 200, 255];
    assert.deepEqual(
      keys.filter((key) => isIn(set, key)),
      [2, 3, 4, 5, 200, 255],
    );
    assert.equal(isIn(setOf([], { isInterval: true }), 1), false);
  });

  it('have intervals of each part of a key', () => {
    // A byte and two bytes, both in words of their own.
    const set = setOf(
      [element([10, 0, 0, 0, 1, 0, 0, 0], { keyEnd: Buffer.from([12, 0, 0, 0, 1, 255, 0, 0]) })],
      { isInterval: true, fieldBytes: [1, 2], keyBytes: 8 },
    );
    assert.equal(isIn(set, 11, 0, 0, 0, 1, 7, 0, 0), true);
    assert.equal(isIn(set, 13, 0, 0, 0, 1, 7, 0, 0), false);
    assert.equal(isIn(set, 11, 0, 0, 0, 2, 0, 0, 0), false);
  });

  it('say nothing where packets add to them, or an element depends on a rate', () => {
    assert.equal(isIn(setOf([], { isDynamic: true }), 1), 'perhaps');
    assert.equal(isIn(setOf([element([1], { isConditional: true })]), 1), 'perhaps');
  });
});
