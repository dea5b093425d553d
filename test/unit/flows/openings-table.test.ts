import assert from 'node:assert/strict';
import * as layout from '../../../dataplane/flows/openings-layout.js';
import {
  clientPlace,
  NO_OPENING,
  occupiedCounter,
  OpeningTable,
  queueOf,
} from '../../../dataplane/flows/openings-table.js';

const WORDS = layout.ELEMENTS * layout.ELEMENT_WORDS;
const QUEUE = 3;
const VIRTUAL = 0x6400_010a;
const PORT = 0x5000;
const CLIENT = 0x0200_010a;
const GENERATION = 7;

function memory(): Int32Array {
  return new Int32Array(WORDS);
}

const queueWord = (words: Int32Array, word: number): number =>
  words[(layout.QUEUES_AT + QUEUE) * layout.ELEMENT_WORDS + word];

function add(table: OpeningTable, ...servers: number[]): void {
  for (const server of servers) {
    table.setSchedulerWord(QUEUE, 0, server * 10);
    table.write(QUEUE, server, 1, 2, 3, 4);
    table.add(QUEUE);
  }
}

describe('the table of openings', () => {
  it('refuses memory of another size', () => {
    assert.throws(() => new OpeningTable(new Int32Array(WORDS - 1)), /no table of openings/);
  });

  it('has openings taken in the order in which they were added, once each', () => {
    const table = new OpeningTable(memory());
    table.beginQueue(QUEUE, VIRTUAL, PORT);
    add(table, 5, 6, 7);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => table.take(QUEUE)),
      [5, 6, 7, NO_OPENING],
    );
    add(table, 8);
    assert.equal(table.take(QUEUE), 8);
  });

  it('goes on where its ring begins anew and where the numbers overflow', () => {
    const words = memory();
    const base = (layout.QUEUES_AT + QUEUE) * layout.ELEMENT_WORDS;
    const first = 0x7fff_ffff - 2;
    words[base + layout.QUEUE_MADE] = words[base + layout.QUEUE_TAKEN] = first;
    const table = new OpeningTable(words);
    const servers = Array.from({ length: layout.QUEUE_ROOM }, (_, i) => i + 1);
    add(table, ...servers);
    assert.ok(table.made(QUEUE) < 0);
    assert.deepEqual(
      servers.map(() => table.take(QUEUE)),
      servers,
    );
    assert.equal(table.take(QUEUE), NO_OPENING);
  });

  it('does not show an opening before it is added', () => {
    const words = memory();
    const table = new OpeningTable(words);
    table.write(QUEUE, 5, 1, 2, 3, 4);
    assert.equal(table.take(QUEUE), NO_OPENING);
    table.add(QUEUE);
    assert.equal(table.take(QUEUE), 5);
  });

  it('keeps what the kernel makes flows of, and what the scheduler remembered', () => {
    const words = memory();
    const table = new OpeningTable(words);
    add(table, 9);
    const place = table.write(QUEUE, 5, 0x0b00_020a, 0x2_901f, 0x1234, 0x4321);
    table.writeWay(place, 7, 1514);
    table.bytes.fill(0xee, table.macsOffset(place), table.macsOffset(place) + 12);
    for (let i = 0; i < 4; i++) table.setSchedulerWord(QUEUE, i, 40 + i);
    table.add(QUEUE);
    const opening = layout.OPENINGS_AT + QUEUE * layout.QUEUE_ROOM + 1;
    const start = opening * layout.ELEMENT_WORDS;
    const macs = [0xeeee_eeee | 0, 0xeeee_eeee | 0, 0xeeee_eeee | 0];
    assert.deepEqual(
      [...words.subarray(start, start + layout.OPENING_WORDS)],
      [5, 0x0b00_020a, 0x2_901f, 0x1234, 0x4321, 7, 1514, ...macs],
    );
    assert.deepEqual(
      [0, 1, 2, 3].map((i) => table.schedulerWord(QUEUE, 1, i)),
      [40, 41, 42, 43],
    );
    assert.equal(table.schedulerWord(QUEUE, 0, 0), 90);
    assert.equal(table.serverOf(QUEUE, 1), 5);
  });

  it('has a queue count from the time on that its data plane says so, and until it ends', () => {
    const words = memory();
    const table = new OpeningTable(words);
    table.beginQueue(QUEUE, VIRTUAL, PORT);
    assert.equal(queueWord(words, layout.VALID_GENERATION), 0);
    add(table, 5, 6, 7);
    table.validateQueue(QUEUE, GENERATION, 1000);
    assert.equal(queueWord(words, layout.VALID_GENERATION), GENERATION);
    assert.equal(queueWord(words, layout.QUEUE_DEADLINE), 1000);
    assert.deepEqual([table.virtual(QUEUE), table.port(QUEUE)], [VIRTUAL, PORT]);
    table.take(QUEUE);
    assert.equal(table.endQueue(QUEUE), 1);
    assert.equal(queueWord(words, layout.VALID_GENERATION), 0);
    assert.equal(table.take(QUEUE), NO_OPENING);
    assert.equal(table.endQueue(QUEUE), table.made(QUEUE));
    // Whoever had read that the second one is next comes too late.
    assert.equal(table.taken(QUEUE), 3);
    // Another service's: what it adds is not what was left of the earlier one.
    table.beginQueue(QUEUE, VIRTUAL + 1, PORT);
    add(table, 8);
    assert.equal(table.take(QUEUE), 8);
  });

  it('lets a taker that was overtaken take the next one', () => {
    const words = memory();
    const table = new OpeningTable(words);
    add(table, 5, 6);
    const base = (layout.QUEUES_AT + QUEUE) * layout.ELEMENT_WORDS;
    const { compareExchange } = Atomics;
    // Somebody else is quicker, once.
    Atomics.compareExchange = ((...call: Parameters<typeof compareExchange>) => {
      Atomics.compareExchange = compareExchange;
      words[base + layout.QUEUE_TAKEN]++;
      return compareExchange(...call);
    }) as typeof compareExchange;
    try {
      assert.equal(table.take(QUEUE), 6);
    } finally {
      Atomics.compareExchange = compareExchange;
    }
    assert.equal(table.take(QUEUE), NO_OPENING);
  });

  it('knows the way to a client while it is that of the present generation and nobody took its place', () => {
    const words = memory();
    const table = new OpeningTable(words);
    assert.equal(table.isClientKnown(CLIENT, GENERATION), false);
    const place = table.replaceClient(CLIENT);
    table.writeWay(place, 3, 1500);
    assert.equal(table.isClientKnown(CLIENT, GENERATION), false);
    table.validateClient(CLIENT, GENERATION);
    assert.equal(table.isClientKnown(CLIENT, GENERATION), true);
    assert.equal(table.isClientKnown(CLIENT, GENERATION + 1), false);
    let other = CLIENT + 1;
    while (clientPlace(other) !== clientPlace(CLIENT)) other++;
    assert.equal(table.replaceClient(other), place);
    assert.equal(table.isClientKnown(CLIENT, GENERATION), false);
    table.validateClient(other, GENERATION);
    assert.equal(table.isClientKnown(CLIENT, GENERATION), false);
    assert.equal(table.isClientKnown(other, GENERATION), true);
  });

  it('keeps neighbouring clients, and ports of a VIP, apart', () => {
    const places = Array.from({ length: 256 }, (_, host) => clientPlace((host << 24) | 0x0a));
    assert.equal(new Set(places).size, 256);
    assert.ok(places.every((place) => place >= 0 && place < layout.CLIENTS));
    const queues = Array.from({ length: 256 }, (_, port) => queueOf(VIRTUAL, port << 8));
    assert.ok(new Set(queues).size > layout.QUEUES / 2);
    assert.ok(queues.every((queue) => queue >= 0 && queue < layout.QUEUES));
  });
});

describe('counters of what is occupied', () => {
  const HASH = 0xabcd_e123 | 0;
  const byteOf = (words: Int32Array): number =>
    new Uint8Array(words.buffer)[layout.OCCUPIED_AT * layout.ELEMENT_BYTES + occupiedCounter(HASH)];

  it('are above 0 while there is a connection', () => {
    const words = memory();
    const table = new OpeningTable(words);
    table.occupy(HASH);
    table.occupy(HASH);
    assert.equal(byteOf(words), 2);
    table.vacate(HASH);
    assert.equal(byteOf(words), 1);
    table.vacate(HASH);
    assert.equal(byteOf(words), 0);
    table.vacate(HASH);
    assert.equal(byteOf(words), 0);
  });

  it('stay full once they are: how many there are nobody knows', () => {
    const words = memory();
    const table = new OpeningTable(words);
    for (let i = 0; i < 300; i++) table.occupy(HASH);
    for (let i = 0; i < 300; i++) table.vacate(HASH);
    assert.equal(byteOf(words), 255);
    table.vacateAll();
    assert.equal(byteOf(words), 0);
  });

  it('lie within their memory, and are others than the bucket has', () => {
    assert.equal(occupiedCounter(-1), (1 << layout.OCCUPIED_BITS) - 1);
    assert.equal(occupiedCounter(0x3ff), 0);
    assert.equal(
      layout.OCCUPIED_AT * layout.ELEMENT_BYTES + (1 << layout.OCCUPIED_BITS),
      layout.ELEMENTS * layout.ELEMENT_BYTES,
    );
  });
});
