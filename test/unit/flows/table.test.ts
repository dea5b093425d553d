import assert from 'node:assert/strict';
import {
  BUCKET_WORDS,
  BYTES_HIGH,
  BYTES_LOW,
  FORWARD_GENERATION,
  GENERATION_MAX,
  GENERATION,
  PACKETS,
  REPORT,
  REPORT_NEXT,
  REPORT_WORDS,
  REPORTS,
  SKIP_GENERATION,
  WAYS,
} from '../../../dataplane/flows/layout.js';
import { FlowTable, NO_REPORT, NO_SLOT } from '../../../dataplane/flows/table.js';
import { describeTable } from '../../../dataplane/sys/fastpath/programs.js';

const ROOM = 8;
const REST = 20;
const KEY = Int32Array.of(1, 2, 3, 4, 5, 6);
const ENDS = [0x0200_010a, 0x6400_010a, 0x5000_a00f] as const;

class Memory {
  readonly words: Int32Array;
  readonly reports = new Int32Array(ROOM * REPORT_WORDS);
  readonly description: number;

  constructor(buckets = 1) {
    this.words = new Int32Array((buckets + 1) * BUCKET_WORDS);
    this.description = buckets * BUCKET_WORDS;
    describeTable(this.words.subarray(this.description), { buckets, key: KEY });
    this.words[this.description + SKIP_GENERATION] = 1;
    this.words[this.description + FORWARD_GENERATION] = 1;
  }

  table(pause = () => {}): FlowTable {
    return new FlowTable(this.words, this.reports, pause);
  }

  /** As the kernel's program does it, in its two steps. */
  take(): number {
    return this.words[this.description + REPORTS]++;
  }

  put(number: number, slot: number, flags: number): void {
    this.reports[(number & (ROOM - 1)) * REPORT_WORDS] = ((slot + 1) << 8) | flags;
  }

  report(slot: number, flags: number): void {
    this.put(this.take(), slot, flags);
  }
}

function add(table: FlowTable, connection: number, now = 0, ends: typeof ENDS = ENDS): number {
  const slot = table.takePlace(...ends, now);
  if (slot === NO_SLOT) return slot;
  table.write(slot, connection, ...ends, 1, 2, 3, false);
  table.begin(slot);
  return slot;
}

function taken(table: FlowTable): [number, number][] {
  const found: [number, number][] = [];
  for (;;) {
    const report = table.takeReport();
    if (report === NO_REPORT) return found;
    found.push([report >>> 8, report & 0xff]);
  }
}

describe('the table of flows', () => {
  it('refuses memory that is none', () => {
    const words = new Int32Array(2 * BUCKET_WORDS);
    assert.throws(() => new FlowTable(words, new Int32Array(2), () => {}), /no table of flows/);
  });

  it('has room for as many flows as a bucket has ways, each a place of its own', () => {
    const table = new Memory().table();
    const slots = Array.from({ length: WAYS }, (_, i) => add(table, i + 1));
    assert.deepEqual(slots, [0, 1, 2, 3]);
    assert.equal(add(table, 9), NO_SLOT);
    assert.deepEqual(
      slots.map((slot) => table.connectionOf(slot)),
      [1, 2, 3, 4],
    );
  });

  it('leaves a place that was given up alone for a while', () => {
    const table = new Memory().table();
    for (let i = 0; i < WAYS; i++) add(table, i + 1);
    table.end(2, 100);
    assert.equal(add(table, 9, 100 + REST - 1), NO_SLOT);
    assert.equal(add(table, 9, 100 + REST), 2);
  });

  it('finds a flow by its packets while it counts, and never one that has ended before another', () => {
    const memory = new Memory();
    const table = memory.table();
    const slot = add(table, 1);
    assert.equal(table.find(...ENDS), slot);
    table.end(slot, 0);
    assert.equal(table.find(...ENDS), NO_SLOT);
    const later = add(table, 2);
    assert.notEqual(later, slot);
    // The first of these ends is the later one's: the kernel takes the first.
    const bases = [slot, later].map((s) => table.base(s));
    assert.notEqual(memory.words[bases[0] + 1], ENDS[0]);
    assert.equal(memory.words[bases[1] + 1], ENDS[0]);
  });

  it('writes a flow that does not count before it begins', () => {
    const memory = new Memory();
    const table = memory.table();
    const slot = table.takePlace(...ENDS, 0);
    table.write(slot, 7, ...ENDS, 1, 2, 3, true);
    assert.equal(table.isLive(slot), false);
    assert.equal(memory.words[table.base(slot) + REPORT] & REPORT_NEXT, REPORT_NEXT);
    // Nobody else gets the place meanwhile.
    assert.notEqual(table.takePlace(...ENDS, 0), slot);
    table.begin(slot);
    assert.equal(table.isLive(slot), true);
  });

  it('ends all flows at once: they come to the data plane before they stop being forwarded', () => {
    const memory = new Memory(2);
    const { words, description } = memory;
    const seen: number[][] = [];
    const table = memory.table(() => {
      seen.push([words[description + SKIP_GENERATION], words[description + FORWARD_GENERATION]]);
    });
    const slot = add(table, 1);
    table.endAll();
    assert.deepEqual(seen, [[2, 1]]);
    assert.equal(words[description + FORWARD_GENERATION], 2);
    assert.equal(table.isLive(slot), false);
  });

  it('has all places free, after a while, that an earlier data plane had taken, or let rest', () => {
    const memory = new Memory();
    const before = memory.table();
    add(before, 1);
    before.end(add(before, 2), 0);
    before.takePlace(...ENDS, 0);
    const table = memory.table();
    table.clear(50);
    assert.deepEqual([add(table, 3, 50), add(table, 4, 50)], [3, NO_SLOT]);
    const slots = [0, 1, 2].map((i) => add(table, 5 + i, 50 + REST));
    assert.deepEqual(new Set(slots), new Set([0, 1, 2]));
  });

  it('never comes to a generation that stands for something else', () => {
    const memory = new Memory();
    const { words, description } = memory;
    words[description + SKIP_GENERATION] = words[description + FORWARD_GENERATION] = GENERATION_MAX;
    const table = memory.table();
    table.endAll();
    assert.equal(words[description + FORWARD_GENERATION], 1);
    assert.ok(Array.from({ length: WAYS }, (_, slot) => table.isLive(slot)).every((live) => !live));
  });

  it('tells what was forwarded since it was last asked, over all carries', () => {
    const memory = new Memory();
    const table = memory.table();
    const base = table.base(add(table, 1));
    const { words } = memory;
    words[base + PACKETS] = 3;
    words[base + BYTES_LOW] = -1;
    assert.deepEqual([table.takeBytes(0), table.takePackets(0)], [0xffff_ffff, 3]);
    words[base + BYTES_LOW] = 9;
    words[base + BYTES_HIGH] = 1;
    words[base + PACKETS] = -1;
    assert.deepEqual([table.takeBytes(0), table.takePackets(0)], [10, 0xffff_fffc]);
    words[base + PACKETS] = 1;
    assert.deepEqual([table.takeBytes(0), table.takePackets(0)], [0, 2]);
  });
});

describe('reports of packets', () => {
  it('come once each, in their order', () => {
    const memory = new Memory();
    const table = memory.table();
    memory.report(3, 0x12);
    memory.report(0, 0x11);
    assert.deepEqual(taken(table), [
      [3, 0x12],
      [0, 0x11],
    ]);
    assert.deepEqual(taken(table), []);
    memory.report(1, 0x04);
    assert.deepEqual(taken(table), [[1, 0x04]]);
  });

  it('wait for one that is begun and not written, and come after it', () => {
    const memory = new Memory();
    const table = memory.table();
    assert.deepEqual(taken(table), []);
    const first = memory.take();
    memory.report(1, 0x11);
    assert.deepEqual(taken(table), []);
    memory.put(first, 0, 0x12);
    assert.deepEqual(taken(table), [
      [0, 0x12],
      [1, 0x11],
    ]);
  });

  it('are lost where there are too many, the oldest ones', () => {
    const memory = new Memory();
    const table = memory.table();
    for (let i = 0; i < ROOM + 3; i++) memory.report(i, 0x11);
    assert.deepEqual(
      taken(table).map(([slot]) => slot),
      Array.from({ length: ROOM }, (_, i) => i + 3),
    );
  });

  it('that an earlier data plane has not read are read by the next one, and no other', () => {
    const memory = new Memory();
    const first = memory.table();
    for (let i = 0; i < 5; i++) memory.report(i, 0x11);
    first.takeReport();
    first.takeReport();
    const next = memory.table();
    assert.deepEqual(
      taken(next).map(([slot]) => slot),
      [2, 3, 4],
    );
    memory.report(7, 0x04);
    assert.deepEqual(taken(next), [[7, 0x04]]);
  });

  it('go on where the count of reports overflows', () => {
    const memory = new Memory();
    memory.words[memory.description + REPORTS] = 0x7fff_fffe;
    const table = memory.table();
    for (let i = 0; i < 4; i++) memory.report(i, 0x11);
    assert.deepEqual(
      taken(table).map(([slot]) => slot),
      [0, 1, 2, 3],
    );
  });

  it('begin with the next packet where that is asked for', () => {
    const memory = new Memory();
    const table = memory.table();
    const slot = add(table, 1);
    const report = table.base(slot) + REPORT;
    assert.equal(memory.words[report] & REPORT_NEXT, 0);
    table.reportNext(slot);
    assert.equal(memory.words[report], ((slot + 1) << 1) | REPORT_NEXT);
    assert.notEqual(memory.words[table.base(slot) + GENERATION], 0);
  });
});
