import assert from 'node:assert/strict';
import { Region, regionBytes, VALID } from '../../../dataplane/memory/region.js';

const LAYOUT = { kind: 9, version: 1, recordWords: 16 };
const CAPACITY = 4;

describe('a region', () => {
  it('gives out no record that looks valid, also where its high-water mark was damaged', () => {
    const buffer = new ArrayBuffer(regionBytes(LAYOUT, CAPACITY));
    const before = new Region(LAYOUT, CAPACITY, { buffer });
    const record = before.takeNew();
    before.words[before.base(record)] = VALID;
    before.highWater = 0;
    const after = new Region(LAYOUT, CAPACITY, { buffer });
    assert.equal(after.takeNew(), record);
    assert.equal(after.isValid(record), false);
  });
});
