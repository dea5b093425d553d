import assert from 'node:assert/strict';
import { Journal, JOURNAL_LAYOUT } from '../../../dataplane/memory/journal.js';
import {
  Region,
  RegionError,
  regionBytes,
  VALID,
  type RecordLayout,
} from '../../../dataplane/memory/region.js';

const LAYOUT: RecordLayout = { kind: 77, version: 3, recordWords: 8 };
const CAPACITY = 4;

function tableIn(buffer: ArrayBuffer): Region {
  return new Region(LAYOUT, CAPACITY, { buffer });
}

describe('the journal of a command', () => {
  const buffers = { table: new ArrayBuffer(0), journal: new ArrayBuffer(0) };
  let table: Region;
  let journal: Journal;

  /** What a process finds that opens the same memory. */
  function open(): void {
    table = tableIn(buffers.table);
    journal = new Journal(new Region(JOURNAL_LAYOUT, CAPACITY, { buffer: buffers.journal }), [
      table,
    ]);
    table.journal = journal;
  }

  beforeEach(() => {
    buffers.table = new ArrayBuffer(regionBytes(LAYOUT, CAPACITY));
    buffers.journal = new ArrayBuffer(regionBytes(JOURNAL_LAYOUT, CAPACITY));
    open();
    write(1, VALID, 10);
    write(2, VALID, 20);
  });

  function write(record: number, mark: number, value: number): void {
    table.keep(record);
    table.words[table.base(record)] = mark;
    table.words[table.base(record) + 1] = value;
  }

  const read = (record: number): number[] => [
    table.words[table.base(record)],
    table.words[table.base(record) + 1],
  ];

  it('undoes a command that was cut short, whatever it had done', () => {
    journal.begin(1);
    write(1, VALID, 11);
    write(1, VALID, 12);
    write(2, 0, 0);
    write(3, VALID, 30);
    open();
    assert.equal(journal.undo(), true);
    assert.deepEqual(
      [read(1), read(2), read(3)],
      [
        [VALID, 10],
        [VALID, 20],
        [0, 0],
      ],
    );
    assert.equal(journal.committed, 0);
  });

  it('lets a command stand that was committed, and knows its number', () => {
    journal.begin(7);
    write(1, VALID, 11);
    journal.commit();
    open();
    assert.equal(journal.undo(), false);
    assert.deepEqual(read(1), [VALID, 11]);
    assert.equal(journal.committed, 7);
  });

  it('keeps nothing of what changes outside of a command', () => {
    journal.begin(1);
    journal.abort();
    write(1, VALID, 11);
    open();
    assert.equal(journal.undo(), false);
    assert.deepEqual(read(1), [VALID, 11]);
  });

  it('keeps what there was before this command, not before an earlier one', () => {
    for (const [number, value] of [
      [1, 11],
      [2, 12],
    ]) {
      journal.begin(number);
      write(1, VALID, value);
      journal.commit();
    }
    journal.begin(3);
    write(1, VALID, 13);
    open();
    assert.equal(journal.undo(), true);
    assert.deepEqual(read(1), [VALID, 12]);
  });

  it('does not begin where there is no memory for copies', () => {
    const region = new Region(JOURNAL_LAYOUT, CAPACITY, {
      buffer: buffers.journal,
      back: () => false,
    });
    assert.equal(new Journal(region, [table]).begin(1), false);
  });

  it('ignores copies of records that cannot be', () => {
    journal.begin(1);
    write(1, VALID, 11);
    const words = new Int32Array(buffers.journal);
    words[JOURNAL_LAYOUT.recordWords + 1] = 99;
    open();
    assert.equal(journal.undo(), true);
    assert.deepEqual(read(1), [VALID, 11]);
  });
});

describe('a region whose memory grows', () => {
  it('asks for memory before a record is used for the first time, and for many records at once', () => {
    const asked: number[] = [];
    const buffer = new ArrayBuffer(regionBytes(LAYOUT, 100_000));
    const back = (bytes: number): boolean => asked.push(bytes) > 0;
    const region = new Region(LAYOUT, 100_000, { buffer, back });
    for (let i = 1; i <= 100_000; i++) assert.equal(region.takeNew(), i);
    assert.equal(region.takeNew(), 0);
    assert.equal(asked.at(-1), regionBytes(LAYOUT, 100_000));
    assert.ok(asked.length < 10, `${asked.length} times`);
  });

  it('is full where there is no memory, and has room again when there is', () => {
    let isThere = false;
    let questions = 0;
    const back = (): boolean => {
      questions++;
      return isThere;
    };
    const buffer = new ArrayBuffer(regionBytes(LAYOUT, 10));
    const region = new Region(LAYOUT, 10, { buffer, back });
    for (let i = 0; i < 10_000; i++) assert.equal(region.takeNew(), 0);
    assert.ok(questions < 20, 'not asked each time');
    isThere = true;
    let record = 0;
    for (let i = 0; i < 10_000 && record === 0; i++) record = region.takeNew();
    assert.equal(record, 1);
  });

  it('is refused where it holds something else', () => {
    const buffer = new ArrayBuffer(regionBytes(LAYOUT, 10));
    assert.ok(new Region(LAYOUT, 10, { buffer }));
    const other = (change: Partial<RecordLayout>, capacity = 10) =>
      assert.throws(() => new Region({ ...LAYOUT, ...change }, capacity, { buffer }), RegionError);
    other({ kind: 1 });
    other({ version: 4 });
    other({}, 9);
  });
});
