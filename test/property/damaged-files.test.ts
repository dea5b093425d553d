/**
 * Tables in files, damaged at random: cut short, grown, bytes changed, another table's, none at all. Opening them
 * never fails, and what is taken over keeps the invariants. The memory of files is never given back, so that
 * this isn't one of the kinds of `npm run fuzz`.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableLayouts } from '../../dataplane/state.js';
import { ByteMutator } from '../../fuzz/bytes.js';
import { stateImages } from '../../fuzz/frames/images.js';
import { CAPACITY } from '../../fuzz/frames/site.js';
import { checkInvariants } from '../../sim/invariants.js';
import { Random } from '../../sim/random.js';
import { openTables } from '../../src/virtual-server/tables.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';

const RUNS = 150;
const FILE_MAX_BYTES = 1 << 16;
const NOW = 0x7fff0000;
const NAMES = Object.keys(tableLayouts(CAPACITY));

/** Writes the tables of a killed director, some of them damaged. */
function writeTables(folder: string, tables: readonly Uint8Array[], random: Random): void {
  const mutator = new ByteMutator(FILE_MAX_BYTES);
  for (const [i, name] of NAMES.entries()) {
    let bytes = tables[i];
    if (random.chance(0.3)) bytes = mutator.mutate(bytes, random.of(tables), random);
    if (random.chance(0.05)) bytes = bytes.subarray(0, random.below(bytes.length));
    if (random.chance(0.03)) bytes = random.of(tables);
    if (random.chance(0.97)) writeFileSync(join(folder, name), bytes);
  }
}

describe('damaged files of tables', () => {
  it('are kept aside or taken over, and never keep a director from starting', async () => {
    const images = await stateImages();
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const random = new Random(seed);
      const folder = mkdtempSync(join(tmpdir(), 'uvs-tables-'));
      try {
        writeTables(folder, random.of(images), random);
        const wanted = { ...CAPACITY, connections: random.of([CAPACITY.connections, 50, 200]) };
        const { memory, capacity } = openTables(folder, wanted);
        const server = new VirtualServer({ hashKey: [3, 4], clock: () => NOW, memory, capacity });
        server.rebuild();
        checkInvariants(server.state);
        await server.services();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  });
});
