import assert from 'node:assert/strict';
import { MemoryDriver } from '../../../dataplane/driver/memory.js';
import { DROP_NAMES, DropCounters, type DropName } from '../../../dataplane/drops.js';
import { Parking } from '../../../dataplane/parking.js';
import { type Route, Routes } from '../../../dataplane/route/routes.js';
import { address } from '../../support/frames.js';

const SECOND = 100;
const SERVER = address('10.2.0.11');
const OTHER = address('10.2.0.12');
const SERVER_MAC = Uint8Array.from([2, 0, 0, 0, 0, 11]);
const PORT_MAC = Uint8Array.from([2, 0, 0, 0, 0, 1]);

function connected(port: number): Route {
  return {
    kind: 'unicast',
    address: address('10.2.0.0'),
    prefixLength: 24,
    gateway: 0,
    port,
    mtu: 0,
    metric: 0,
  };
}

/** What stands behind the MAC addresses. */
function textOf(frame: Uint8Array): string {
  return Buffer.from(frame).subarray(12).toString();
}

describe('parking', () => {
  let routes: Routes;
  let driver: MemoryDriver;
  let drops: DropCounters;
  let asked: number[];
  let parking: Parking;

  beforeEach(() => {
    routes = new Routes();
    for (const port of [0, 1]) {
      routes.setPort(port, { name: `d${port}`, mac: PORT_MAC, mtu: 1500, up: true });
    }
    routes.setRoutes([connected(1)]);
    driver = new MemoryDriver();
    drops = new DropCounters();
    asked = [];
    parking = new Parking(driver, routes, drops, (hop) => asked.push(hop), {
      framesMax: 3,
      bytesMax: 100,
    });
  });

  function park(text: string, to: number, now = 0): void {
    const memory = Buffer.from(`..............${text}`);
    parking.park(memory, 2, memory.length - 2, 5, routes.lookup(to), now);
  }

  const dropped = (name: DropName) => drops.counts[DROP_NAMES.indexOf(name)];
  const sentTexts = () => driver.takeSent().map(({ bytes }) => textOf(bytes));

  it('sends what waited, in order, to the MAC address that has become known', () => {
    park('one', SERVER);
    park('two', SERVER);
    park('other', OTHER);
    const hop = routes.setNeighbour(1, SERVER, SERVER_MAC);
    parking.hopResolved(hop);
    const [first, second, ...rest] = driver.takeSent();
    assert.deepEqual(rest, []);
    assert.deepEqual(
      { ...first, bytes: Buffer.from(first.bytes) },
      {
        port: 1,
        offload: 5,
        bytes: Buffer.concat([SERVER_MAC, PORT_MAC, Buffer.from('one')]),
      },
    );
    assert.equal(Buffer.from(second.bytes).subarray(12).toString(), 'two');
    assert.equal(parking.frames, 1);
  });

  it('keeps a copy: the frame in memory is free at once', () => {
    const memory = Buffer.from('............one');
    parking.park(memory, 0, memory.length, 0, routes.lookup(SERVER), 0);
    memory.fill(0);
    parking.hopResolved(routes.setNeighbour(1, SERVER, SERVER_MAC));
    assert.deepEqual(sentTexts(), ['one']);
  });

  it('asks once a second for a hop, however many frames come', () => {
    park('one', SERVER, 0);
    park('two', SERVER, 10);
    park('other', OTHER, 20);
    assert.deepEqual(asked, [routes.lookup(SERVER), routes.lookup(OTHER)]);
    parking.advance(SECOND - 1);
    assert.equal(asked.length, 2);
    parking.advance(SECOND);
    assert.deepEqual(asked.slice(2), [routes.lookup(SERVER)]);
  });

  it('gives a frame up after three seconds', () => {
    park('one', SERVER, 0);
    park('two', SERVER, 100);
    parking.advance(3 * SECOND - 1);
    assert.equal(dropped('neighbour_timeout'), 0);
    parking.advance(3 * SECOND);
    assert.equal(dropped('neighbour_timeout'), 1);
    parking.hopResolved(routes.setNeighbour(1, SERVER, SERVER_MAC));
    assert.deepEqual(sentTexts(), ['two']);
  });

  it('does not ask for each frame of a flood to a hop that was given up', () => {
    park('one', SERVER, 0);
    parking.hopFailed(routes.lookup(SERVER));
    assert.equal(dropped('neighbour_timeout'), 1);
    for (let now = 1; now < SECOND; now++) {
      park('more', SERVER, now);
      parking.hopFailed(routes.lookup(SERVER));
      parking.advance(now);
    }
    assert.equal(asked.length, 1);
    assert.equal(parking.frames, 0);
    park('more', SERVER, SECOND);
    assert.equal(asked.length, 2);
  });

  it('tells a watcher what becomes of frames in the end', () => {
    const told: [string, string, number][] = [];
    parking.watcher = {
      came: () => assert.fail(),
      decided: () => assert.fail(),
      sentLate: (frame, _offload, port) => told.push(['sent', textOf(frame), port]),
      droppedLate: (frame, _offload, reason) =>
        told.push([DROP_NAMES[reason], textOf(frame), dropped(DROP_NAMES[reason])]),
    };
    for (const frame of ['one', 'two', 'three', 'four']) park(frame, SERVER);
    assert.deepEqual(told.splice(0), [['parking_full', 'four', 1]]);
    parking.hopResolved(routes.setNeighbour(1, SERVER, SERVER_MAC));
    assert.deepEqual(told.splice(0), [
      ['sent', 'one', 1],
      ['sent', 'two', 1],
      ['sent', 'three', 1],
    ]);
    park('late', OTHER);
    parking.advance(3 * SECOND);
    assert.deepEqual(told, [['neighbour_timeout', 'late', 1]]);
  });

  it('is bounded in frames', () => {
    for (const text of ['1', '2', '3', '4']) park(text, SERVER);
    assert.equal(dropped('parking_full'), 1);
    parking.hopResolved(routes.setNeighbour(1, SERVER, SERVER_MAC));
    assert.deepEqual(sentTexts(), ['1', '2', '3']);
    park('5', OTHER);
    assert.equal(parking.frames, 1);
  });

  it('is bounded in bytes', () => {
    park('x'.repeat(70), SERVER);
    park('y'.repeat(20), SERVER);
    assert.equal(dropped('parking_full'), 1);
    assert.equal(parking.bytes, 82);
  });

  it('is bounded in hops', () => {
    for (let host = 1; host <= 4; host++) park('', address(`10.2.0.${host}`));
    assert.equal(dropped('parking_full'), 1);
    assert.equal(asked.length, 3);
  });

  it('finds the hop again when routes have changed and hops are numbered anew', () => {
    park('other', OTHER);
    park('one', SERVER);
    const old = routes.lookup(SERVER);
    routes.setRoutes([connected(1)]);
    parking.hopResolved(old);
    assert.deepEqual(sentTexts(), []);
    parking.advance(1);
    parking.hopResolved(routes.setNeighbour(1, SERVER, SERVER_MAC));
    assert.deepEqual(sentTexts(), ['one']);
  });

  it('sends at once where the hop is known after a change of routes', () => {
    park('one', SERVER);
    routes.setRoutes([connected(1)]);
    routes.setNeighbour(1, SERVER, SERVER_MAC);
    parking.advance(1);
    assert.deepEqual(sentTexts(), ['one']);
    assert.equal(parking.frames, 0);
  });

  it('drops frames whose route is gone or leads out of another port', () => {
    park('one', SERVER);
    routes.setRoutes([connected(0)]);
    parking.advance(1);
    assert.equal(dropped('no_route'), 1);
    assert.deepEqual([parking.frames, parking.bytes], [0, 0]);
  });
});
