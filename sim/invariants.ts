/**
 * What must hold between any two packets, timers and commands:
 *
 *  1. One record, one owner: each connection record that was ever used is either valid and in exactly one
 *     chain of the index, or free and in the free list exactly once.
 *  2. No chain without end: walking a bucket visits each record once, and at most CHAIN_MAX of one client end.
 *  3. Every deadline in the wheel once: a valid record is in exactly one slot, a free one in none, and the
 *     slots' links agree in both directions.
 *  4. Counters equal the content: a destination's active, inactive and persistent connections, its references,
 *     a template's number of children, and the tables' counts, are what the records say.
 *  5. A template outlives what it controls, and a destination what is bound to it.
 *  6. A service's list holds exactly its destinations, linked in both directions.
 */
import assert from 'node:assert/strict';
import * as rec from '../dataplane/conn/record.js';
import type { ConnectionTable } from '../dataplane/conn/table.js';
import type { TimerWheel } from '../dataplane/conn/wheel.js';
import type { State } from '../dataplane/state.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;

/** The parts of the structures that only an auditor looks at. */
interface TableInside {
  buckets: Int32Array;
  freeHead: number;
}
interface WheelInside {
  heads: Int32Array;
  nextInSlot: Int32Array;
  previous: Int32Array;
}

export function checkInvariants(state: State): void {
  checkIndex(state.connections);
  checkWheel(state.connections, state.wheel);
  checkCounters(state);
  checkServices(state);
}

function checkIndex(table: ConnectionTable): void {
  const { buckets, freeHead } = table as unknown as TableInside;
  const owners = new Uint8Array(table.capacity + 1);
  let linked = 0;
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    for (let c = buckets[bucket]; c !== 0; c = table.nextInBucket(c)) {
      assert.equal(owners[c]++, 0, `record ${c} is in two chains, or its chain has no end`);
      assert.ok(table.isLive(c), `record ${c} is in the index but not valid`);
      linked++;
    }
  }
  assert.equal(linked, table.count, 'number of connections');
  for (let c = freeHead; c !== 0; c = table.words[c * WORDS + rec.W_CHAIN]) {
    assert.equal(owners[c]++, 0, `record ${c} is free and has another owner`);
    assert.ok(!table.isLive(c), `record ${c} is free but valid`);
  }
  for (let c = 1; c <= table.highWater; c++) assert.equal(owners[c], 1, `record ${c} is lost`);
}

function checkWheel(table: ConnectionTable, wheel: TimerWheel): void {
  const { heads, nextInSlot, previous } = wheel as unknown as WheelInside;
  const seen = new Uint8Array(table.capacity + 1);
  for (let slot = 0; slot < heads.length; slot++) {
    let before = -slot - 1;
    for (let c = heads[slot]; c !== 0; c = nextInSlot[c]) {
      assert.equal(seen[c]++, 0, `connection ${c} is in the wheel twice`);
      assert.equal(previous[c], before, `link back of connection ${c}`);
      before = c;
    }
  }
  for (let c = 1; c <= table.highWater; c++) {
    assert.equal(seen[c], table.isLive(c) ? 1 : 0, `connection ${c} and its timer`);
  }
}

class Tally {
  private readonly counts = new Map<number, number>();

  add(key: number): void {
    this.counts.set(key, this.of(key) + 1);
  }

  of(key: number): number {
    return this.counts.get(key) ?? 0;
  }

  keys(): IterableIterator<number> {
    return this.counts.keys();
  }
}

function checkCounters({ connections, destinations }: State): void {
  const { words } = connections;
  const tallies = { active: new Tally(), inactive: new Tally(), templates: new Tally() };
  const children = new Tally();
  for (let c = 1; c <= connections.highWater; c++) {
    if (!connections.isLive(c)) continue;
    const base = c * WORDS;
    const flags = words[base + rec.W_FLAGS];
    const destination = words[base + rec.W_SERVER];
    assert.ok(destinations.isLive(destination), 'a destination outlives what is bound to it');
    if ((flags & rec.F_TEMPLATE) !== 0) tallies.templates.add(destination);
    else tallies[(flags & rec.F_INACTIVE) === 0 ? 'active' : 'inactive'].add(destination);
    if (words[base + rec.W_CONTROLLER] !== 0) children.add(words[base + rec.W_CONTROLLER]);
  }
  for (let c = 1; c <= connections.highWater; c++) {
    if (!connections.isLive(c)) continue;
    assert.equal(words[c * WORDS + rec.W_CHILDREN], children.of(c), `children of ${c}`);
  }
  for (const template of children.keys()) {
    assert.ok(connections.isLive(template), 'a controller outlives what it controls');
  }
  for (let d = 1; d <= destinations.highWater; d++) {
    if (!destinations.isLive(d)) continue;
    const [active, inactive] = [tallies.active.of(d), tallies.inactive.of(d)];
    const templates = tallies.templates.of(d);
    assert.equal(destinations.activeConnections(d), active, `active connections of ${d}`);
    assert.equal(destinations.inactiveConnections(d), inactive, `inactive connections of ${d}`);
    assert.equal(destinations.persistentConnections(d), templates, `templates of ${d}`);
    assert.ok(destinations.references(d) >= active + inactive + templates, `references to ${d}`);
  }
}

function checkServices({ services, destinations }: State): void {
  let live = 0;
  for (let s = 1; s <= services.highWater; s++) {
    if (!services.isLive(s)) continue;
    live++;
    let count = 0;
    for (let d = services.first(s); d !== 0; d = destinations.next(d)) {
      assert.ok(++count <= services.destinationCount(s), `list of service ${s} has no end`);
      assert.ok(destinations.isAvailable(d), `destination ${d} is linked but not available`);
      assert.equal(destinations.service(d), s, `service of destination ${d}`);
    }
    assert.equal(count, services.destinationCount(s), `destinations of service ${s}`);
  }
  assert.equal(live, services.count, 'number of services');
}
