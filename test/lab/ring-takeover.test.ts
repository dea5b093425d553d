import assert from 'node:assert/strict';
import { Burst } from '../../dataplane/driver/driver.js';
import { PortSockets } from '../../dataplane/driver/port-sockets.js';
import { RingDriver } from '../../dataplane/driver/ring.js';
import { ringGeometries } from '../../dataplane/driver/ring-sizes.js';
import { tcpFrame } from '../support/frames.js';
import { inNamespace } from './support/namespace.js';
import { useSmallLab } from './support/small-lab.js';
import { FAR, NEAR, Wire } from './support/wire.js';

const LARGE_BYTES = 20_000;

function numbered(number: number, payloadBytes = 100): Uint8Array {
  return tcpFrame({
    source: '10.9.0.1',
    sourcePort: number,
    destination: '10.9.0.2',
    destinationPort: 80,
    flags: 0x10,
    payload: new Uint8Array(payloadBytes),
  });
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Two drivers one after the other on the same sockets: the first one ends as a process that is killed does. */
describe('ring driver that takes over from another one', () => {
  const lab = useSmallLab();
  let wire: Wire;
  let sockets: PortSockets;
  let first: RingDriver;
  let second: RingDriver;

  before(() => {
    wire = new Wire(lab.director);
  });
  beforeEach(async () => {
    await wire.lay(65_535);
    wire.openWithout(FAR);
    sockets = inNamespace(lab.director, () => PortSockets.open(ringGeometries()));
    first = opened();
  });
  afterEach(async () => {
    first.close();
    second?.close();
    sockets.close();
    wire.close();
    await wire.cut();
  });

  it('goes on with the frames that nobody has seen yet, in their order, small and large ones', () => {
    send(range(1, 5));
    assert.deepEqual(numbersOf(first), range(1, 5));
    send([6, 7]);
    wire.send(NEAR, numbered(8, LARGE_BYTES), 1);
    send([9]);
    second = opened();
    assert.deepEqual(numbersOf(second), [6, 7, 8, 9]);
    send([10]);
    assert.deepEqual(numbersOf(second), [10]);
    assert.equal(second.stats(FAR).ringDrops, 0);
  });

  it('goes on in a ring that is empty, wherever the next frame comes', () => {
    send(range(1, 7));
    assert.deepEqual(numbersOf(first), range(1, 7));
    second = opened();
    assert.deepEqual(numbersOf(second), []);
    send([8]);
    assert.deepEqual(numbersOf(second), [8]);
  });

  it('sees frames again that the other one had borrowed and not given back', () => {
    send(range(1, 3));
    first.receive(new Burst());
    second = opened();
    assert.deepEqual(numbersOf(second), range(1, 3));
  });

  it('does not wait in a gap that the other one has left: what came before is dropped and counted', () => {
    send(range(1, 5));
    const burst = new Burst();
    first.receive(burst);
    const given = new Burst();
    given.count = 2;
    given.slot.set([burst.slot[1], burst.slot[3]]);
    first.release(given);
    second = opened();
    send([6]);
    assert.deepEqual(numbersOf(second), [5, 6]);
    assert.equal(second.stats(FAR).ringDrops, 2);
    // Once round the ring: every slot is the kernel's again.
    for (const number of range(1, 2100)) {
      send([number]);
      assert.deepEqual(numbersOf(second), [number]);
    }
  });

  function opened(): RingDriver {
    const driver = new RingDriver();
    // As in a process that has inherited them.
    const inherited = PortSockets.adopt(sockets.fds);
    inherited.close = () => {};
    inNamespace(lab.director, () => driver.openPort(FAR, wire.ifindexOf(FAR), inherited));
    return driver;
  }

  function send(numbers: readonly number[]): void {
    for (const number of numbers) wire.send(NEAR, numbered(number));
  }
});

function numbersOf(driver: RingDriver): number[] {
  const burst = new Burst();
  driver.receive(burst);
  const { memory } = driver;
  const numbers = range(0, burst.count - 1).map((i) => {
    const port = burst.offset[i] + 34;
    return (memory[port] << 8) | memory[port + 1];
  });
  driver.release(burst);
  return numbers;
}
