import assert from 'node:assert/strict';
import { Region, regionBytes } from '../../../dataplane/memory/region.js';
import { Statistics, STATISTICS_LAYOUT } from '../../../dataplane/service/statistics.js';
import type { StateMemory } from '../../../dataplane/state.js';
import { WriteTap } from '../../../sim/crash.js';

const BLOCKS = 4;
const BLOCK = 1;

describe('statistics', () => {
  it('hold no damaged counters after a death while they are cleared', async () => {
    for (let writes = 0, wasCut = true; wasCut; writes++) {
      const buffer = new ArrayBuffer(regionBytes(STATISTICS_LAYOUT, BLOCKS));
      const statistics = new Statistics(new Region(STATISTICS_LAYOUT, BLOCKS, { buffer }));
      statistics.reserve(BLOCK);
      statistics.countIn(BLOCK, 1, 100);
      statistics.estimate(BLOCK);
      statistics.zero(BLOCK);
      const tap = new WriteTap(statistics, { statistics: { buffer } } as StateMemory);
      wasCut = await tap.run(writes, () => statistics.clear(BLOCK));
      assert.equal(statistics.rebuild(), 0, `after ${writes} writes`);
    }
  });
});
