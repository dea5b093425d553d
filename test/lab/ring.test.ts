import assert from 'node:assert/strict';
import { BURST_MAX, OFFLOAD_GSO_SHIFT, Burst } from '../../dataplane/driver/driver.js';
import { assemble, ifEqual, keep, loadHalf } from '../../dataplane/sys/bpf.js';
import { tcpFrame } from '../support/frames.js';
import { ip, useSmallLab } from './support/small-lab.js';
import { FAR, NAMES, NEAR, Wire } from './support/wire.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const SOMEBODY_ELSE = '02:00:00:00:00:77';
const PARTIAL = 1;
const MSS = 1448;
const SUPER_SEGMENT = PARTIAL | (MSS << OFFLOAD_GSO_SHIFT);

/** A frame that can be told from others by its source port, `payload` bytes long. */
function numbered(number: number, payload = 100): Uint8Array {
  return tcpFrame({
    source: '10.9.0.1',
    sourcePort: number,
    destination: '10.9.0.2',
    destinationPort: 80,
    flags: 0x10,
    payload: Uint8Array.from({ length: payload }, (_, i) => i * 7 + number),
  });
}

function numberOf(frame: Uint8Array): number {
  return (frame[34] << 8) | frame[35];
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('ring driver', function () {
  const lab = useSmallLab();
  let wire: Wire;

  before(() => {
    wire = new Wire(lab.director);
  });
  beforeEach(() => wire.lay());
  afterEach(async () => {
    wire.close();
    await wire.cut();
  });

  describe('between two ends of a wire', () => {
    beforeEach(() => {
      wire.open();
    });

    it('carries frames both ways as they are', () => {
      wire.send(NEAR, numbered(1));
      wire.send(FAR, numbered(2));
      const frames = wire.receive().sort((a, b) => a.port - b.port);
      assert.deepEqual(
        frames.map(({ port, offload, bytes }) => [port, offload, numberOf(bytes)]),
        [
          [NEAR, 0, 2],
          [FAR, 0, 1],
        ],
      );
      assert.deepEqual(frames[1].bytes.slice(14), numbered(1).slice(14));
    });

    it('sends received frames on from where they lie, with what was changed', () => {
      wire.send(NEAR, numbered(1));
      const burst = new Burst();
      const { driver } = wire;
      assert.equal(driver.receive(burst), 1);
      const { memory } = driver;
      const [offset] = burst.offset;
      const [to, from] = [memory.slice(offset, offset + 6), memory.slice(offset + 6, offset + 12)];
      memory.set(from, offset);
      memory.set(to, offset + 6);
      memory[offset] = 0x02;
      memory[offset + 5] = NEAR;
      memory[offset + 35] = 9;
      driver.send(burst, 0, FAR);
      driver.flush();
      driver.release(burst);
      const [back] = wire.receive();
      assert.deepEqual([back.port, numberOf(back.bytes)], [NEAR, 9]);
    });

    it('carries a super-segment of 64 KB whole, its checksum unfinished', () => {
      const frame = numbered(7, 65_000);
      wire.send(NEAR, frame, SUPER_SEGMENT);
      const [received] = wire.receive();
      assert.equal(received.offload, SUPER_SEGMENT);
      assert.deepEqual(received.bytes.slice(12), frame.slice(12));
    });

    it('keeps the order of small and large frames', async () => {
      const sizes = range(200).map((i) => (i % 3 === 0 ? 20_000 : 60));
      sizes.forEach((size, i) => {
        wire.send(NEAR, numbered(i, size), size > MSS ? SUPER_SEGMENT : 0);
      });
      const frames = await wire.receiveAll(sizes.length);
      assert.deepEqual(
        frames.map(({ bytes }) => numberOf(bytes)),
        range(sizes.length),
      );
    });

    it("receives what is for this host's MAC address only", () => {
      wire.send(NEAR, numbered(1), 0, BROADCAST);
      wire.send(NEAR, numbered(2), 0, SOMEBODY_ELSE);
      wire.send(NEAR, numbered(3));
      assert.deepEqual(
        wire.receive().map(({ bytes }) => numberOf(bytes)),
        [3],
      );
      assert.equal(wire.driver.stats(FAR).receivedFrames, 1);
    });

    it('receives what a filter accepts, whatever its length', () => {
      // Only source port 5, where the frame has no IP options.
      wire.driver.attachFilter(assemble([loadHalf(34), ifEqual(5, 0, 1), keep(0x40000), keep(0)]));
      wire.send(NEAR, numbered(4));
      wire.send(NEAR, numbered(5));
      wire.send(NEAR, numbered(4, 9000), SUPER_SEGMENT);
      wire.send(NEAR, numbered(5, 9000), SUPER_SEGMENT);
      assert.deepEqual(
        wire.receive().map(({ bytes }) => [numberOf(bytes), bytes.length]),
        [
          [5, 154],
          [5, 9054],
        ],
      );
    });

    it('refuses a frame that is larger than the MTU, counted, and sends those behind it', () => {
      wire.send(NEAR, numbered(1, 3000));
      wire.send(NEAR, numbered(2));
      assert.deepEqual(
        wire.receive().map(({ bytes }) => numberOf(bytes)),
        [2],
      );
      const { sendErrors, sentFrames } = wire.driver.stats(NEAR);
      assert.deepEqual({ sendErrors, sentFrames }, { sendErrors: 1, sentFrames: 1 });
    });

    it('counts what is sent to a port that is closed', () => {
      wire.driver.closePort(FAR);
      wire.send(FAR, numbered(1));
      assert.equal(wire.driver.stats(FAR).sendErrors, 1);
    });

    it('survives an interface that goes away, and takes a new one', async () => {
      wire.send(NEAR, numbered(1));
      wire.driver.watch(() => {});
      await wire.cut();
      wire.send(NEAR, numbered(2));
      assert.equal(wire.driver.stats(NEAR).sendErrors, 1);
      // What had arrived before is still there.
      assert.deepEqual(
        wire.receive().map(({ bytes }) => numberOf(bytes)),
        [1],
      );
      for (const port of [NEAR, FAR]) wire.driver.closePort(port);
      await wire.lay();
      for (const port of [NEAR, FAR]) wire.openPort(port);
      wire.send(NEAR, numbered(3));
      assert.deepEqual(
        wire.receive().map(({ bytes }) => numberOf(bytes)),
        [3],
      );
      assert.equal(wire.driver.stats(NEAR).sentFrames, 2);
    });

    it('goes on when an interface was down for a while', async () => {
      await ip(lab.director, `link set ${NAMES[NEAR]} down`);
      wire.send(NEAR, numbered(1));
      assert.equal(wire.driver.stats(NEAR).sendErrors, 1);
      await ip(lab.director, `link set ${NAMES[NEAR]} up`);
      wire.send(NEAR, numbered(2));
      const frames = await wire.receiveAll(1);
      assert.deepEqual(
        frames.map(({ bytes }) => numberOf(bytes)),
        [2],
      );
    });

    it('drops what waits for a port that is closed, counted', async () => {
      await lab.director.output('tc', TRICKLE);
      for (const number of range(20)) wire.send(NEAR, numbered(number, 1000));
      wire.driver.closePort(NEAR);
      assert.equal(wire.driver.waiting(), 0);
      const { sentFrames, sendErrors } = wire.driver.stats(NEAR);
      assert.equal(sentFrames + sendErrors, 20);
      assert.ok(sendErrors > 0);
    });

    it('drops what waits in the ring of a port that is closed, counted, and nothing else', async () => {
      const burst = new Burst();
      for (const number of range(20)) wire.send(NEAR, numbered(number, 1000));
      assert.equal(wire.driver.receive(burst), 20);
      await lab.director.output('tc', TRICKLE);
      for (const i of range(20)) wire.driver.send(burst, i, NEAR);
      wire.driver.sendCopy(numbered(99), 0, 154, 0, NEAR);
      wire.driver.flush();
      wire.driver.release(burst);
      const waiting = wire.driver.waiting();
      assert.ok(waiting > 1);
      wire.driver.closePort(FAR);
      assert.equal(wire.driver.waiting(), 1);
      assert.equal(wire.driver.stats(NEAR).sendErrors, waiting - 1);
    });
  });

  /** 8 Mbit/s, and hardly a queue. */
  const TRICKLE = `qdisc add dev ${NAMES[NEAR]} root tbf rate 8mbit burst 3000 limit 4000`.split(
    ' ',
  );

  it('keeps what the network can not take now, and sends it later in order', async () => {
    wire.open();
    await lab.director.output('tc', TRICKLE);
    const frames = range(100).map((number) => numbered(number, 1000));
    for (const frame of frames) wire.send(NEAR, frame);
    assert.ok(wire.driver.waiting() > 0);
    assert.ok(wire.driver.stats(NEAR).backPressure > 0);
    const received = await wire.receiveAll(frames.length);
    assert.deepEqual(
      received.map(({ bytes }) => numberOf(bytes)),
      range(frames.length),
    );
    assert.equal(wire.driver.waiting(), 0);
    assert.equal(wire.driver.stats(NEAR).sendErrors, 0);
  });

  /** So slow that hardly anything passes, however long a busy machine takes to send. */
  const DAM = TRICKLE.map((word) => (word === '8mbit' ? '8kbit' : word));

  it('keeps as many frames as the queue takes, counts the others, and mixes up none', async () => {
    wire.open();
    await lab.director.output('tc', DAM);
    const frames = range(600).map((number) => numbered(number, 100));
    for (const frame of frames) wire.send(NEAR, frame);
    const lost = wire.driver.stats(NEAR).sendErrors;
    assert.ok(lost > 0 && lost < 100, `${lost} lost`);
    await lab.director.output('tc', ['qdisc', 'change', ...TRICKLE.slice(2)]);
    const received = await wire.receiveAll(frames.length - lost);
    const numbers = received.map(({ bytes }) => numberOf(bytes));
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    );
    for (const { bytes } of received) {
      assert.deepEqual(bytes.slice(14), numbered(numberOf(bytes)).slice(14));
    }
  });

  it('carries frames of an MTU of 9000', async () => {
    await wire.lay(9000);
    wire.open();
    const frame = numbered(1, 9000 - 40);
    wire.send(NEAR, frame);
    const [received] = wire.receive();
    assert.deepEqual([received.offload, received.bytes.length], [0, 9014]);
    assert.deepEqual(received.bytes.slice(14), frame.slice(14));
  });

  it('counts what a full ring has no room for, and goes on when there is room', () => {
    wire.open({ smallSlots: 32, largeSlots: 2 });
    for (const number of range(40)) wire.send(NEAR, numbered(number));
    for (const number of range(3)) wire.send(NEAR, numbered(number, 5000), SUPER_SEGMENT);
    const numbers = wire.receive().map(({ bytes }) => numberOf(bytes));
    assert.deepEqual(numbers, [...range(32), 0, 1]);
    assert.equal(wire.driver.stats(FAR).ringDrops, 9);
    wire.send(NEAR, numbered(99));
    assert.deepEqual(
      wire.receive().map(({ bytes }) => numberOf(bytes)),
      [99],
    );
    assert.equal(wire.driver.stats(FAR).ringDrops, 9);
  });

  it('leaves the slots of frames that wait to be sent alone when the ring comes round', async () => {
    wire.open({ smallSlots: 32, largeSlots: 2 });
    await lab.director.output('tc', TRICKLE);
    const { driver } = wire;
    const burst = new Burst();
    for (const number of range(20)) wire.send(FAR, numbered(number, 1000));
    assert.equal(driver.receive(burst), 20);
    for (const i of range(20)) driver.send(burst, i, NEAR);
    driver.flush();
    driver.release(burst);
    assert.ok(driver.waiting() > 0);
    for (const number of range(40)) wire.send(FAR, numbered(20 + number));
    const numbers = wire.receive().map(({ bytes }) => numberOf(bytes));
    const { ringDrops } = driver.stats(NEAR);
    assert.ok(ringDrops > 0);
    assert.equal(numbers.length, 40 - ringDrops);
    // None of the first twenty again, none twice.
    const ascending = [...new Set(numbers)].sort((a, b) => a - b);
    assert.deepEqual(numbers, ascending);
    assert.ok(numbers[0] >= 20);
  });

  it('allocates nothing for hundreds of thousands of frames', async () => {
    const { grownBytes, stats } = await wire.probe();
    // The smallest object is 16 bytes: one per frame would be 3.2 MB.
    assert.ok(grownBytes < 100_000, `${grownBytes} bytes`);
    assert.ok(stats[NEAR].sentFrames > 100_000);
    assert.equal(stats[NEAR].ringDrops + stats[FAR].ringDrops, 0);
  });

  it('takes its turns with the ports', () => {
    wire.open();
    for (const number of range(BURST_MAX)) {
      wire.send(NEAR, numbered(number));
      wire.send(FAR, numbered(number));
    }
    const first = new Set(wire.receive().map(({ port }) => port));
    const second = new Set(wire.receive().map(({ port }) => port));
    assert.equal(first.size, 1);
    assert.notDeepEqual(first, second);
  });

  it('wakes up whoever watches for frames', async () => {
    wire.open();
    const arrival = wire.arrival();
    wire.send(NEAR, numbered(1));
    await arrival;
    assert.equal(wire.receive().length, 1);
  });

  it('gives frames back with their virtio-net header directly before them', () => {
    const given: number[][] = [];
    wire.open({
      handBack: (memory, offset, length, offload, port) => {
        given.push([memory[offset - 10], length, offload & PARTIAL, port]);
        return given.length === 1;
      },
    });
    const burst = new Burst();
    wire.send(NEAR, numbered(1, 5000), SUPER_SEGMENT);
    wire.send(NEAR, numbered(2));
    wire.driver.receive(burst);
    for (const i of [0, 1]) wire.driver.handBack(burst, i);
    wire.driver.release(burst);
    assert.deepEqual(given, [
      [1, 5054, PARTIAL, FAR],
      [0, 154, 0, FAR],
    ]);
    const { handedBackFrames, sendErrors } = wire.driver.stats(FAR);
    assert.deepEqual({ handedBackFrames, sendErrors }, { handedBackFrames: 1, sendErrors: 1 });
  });
});
