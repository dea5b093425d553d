import assert from 'node:assert/strict';
import { Burst, BURST_MAX } from '../../../dataplane/driver/driver.js';
import { MemoryDriver } from '../../../dataplane/driver/memory.js';

const frame = (...bytes: number[]) => Uint8Array.from(bytes);

describe('memory driver', () => {
  it('receives what was queued, in order, with port and offload word', () => {
    const driver = new MemoryDriver();
    const burst = new Burst();
    driver.queue(0, frame(1, 2, 3));
    driver.queue(1, frame(4), 0x05b4_0001);
    assert.equal(driver.receive(burst), 2);
    const bytes = (i: number) =>
      Array.from(driver.memory.slice(burst.offset[i], burst.offset[i] + burst.length[i]));
    assert.deepEqual([bytes(0), burst.port[0], burst.offload[0]], [[1, 2, 3], 0, 0]);
    assert.deepEqual([bytes(1), burst.port[1], burst.offload[1]], [[4], 1, 0x05b4_0001]);
    driver.release(burst);
    assert.equal(driver.receive(burst), 0);
  });

  it('sends a frame as it stands in memory, and copies, once they are flushed', () => {
    const driver = new MemoryDriver();
    const burst = new Burst();
    driver.queue(0, frame(1, 2), 7);
    driver.receive(burst);
    driver.memory[burst.offset[0]] = 9;
    driver.send(burst, 0, 1);
    driver.sendCopy(frame(5, 6, 7), 0, 2, 3, 0);
    assert.deepEqual(driver.takeSent(), []);
    driver.flush();
    driver.release(burst);
    assert.deepEqual(driver.takeSent(), [
      { port: 1, bytes: frame(9, 2), offload: 7 },
      { port: 0, bytes: frame(5, 6), offload: 3 },
    ]);
    assert.deepEqual(driver.takeSent(), []);
  });

  it('hands out at most a burst, and the rest next', () => {
    const driver = new MemoryDriver();
    const burst = new Burst();
    for (let i = 0; i < BURST_MAX + 5; i++) driver.queue(0, frame(i));
    assert.equal(driver.receive(burst), BURST_MAX);
    driver.release(burst);
    assert.equal(driver.receive(burst), 5);
    assert.equal(driver.memory[burst.offset[0]], BURST_MAX);
  });

  it('refuses to receive while a burst is borrowed', () => {
    const driver = new MemoryDriver();
    const burst = new Burst();
    driver.queue(0, frame(1));
    driver.receive(burst);
    assert.throws(() => driver.receive(burst), /not released/);
  });

  it('counts a frame that finds no room as a ring drop', () => {
    const driver = new MemoryDriver({ slots: 2, frameBytes: 4 });
    assert.equal(driver.queue(0, frame(1, 2, 3, 4, 5)), false);
    assert.equal(driver.queue(0, frame(1)) && driver.queue(0, frame(2)), true);
    assert.equal(driver.queue(0, frame(3)), false);
    assert.equal(driver.stats(0).ringDrops, 2);
  });

  it('keeps what a slow network does not take, and counts the back-pressure', () => {
    const driver = new MemoryDriver({ slots: 4 });
    driver.flushLimit = 1;
    for (let i = 0; i < 3; i++) driver.sendCopy(frame(i), 0, 1, 0, 1);
    driver.flush();
    assert.deepEqual([driver.sent.count, driver.stats(1).backPressure], [1, 1]);
    driver.flush();
    driver.flush();
    assert.deepEqual(
      driver.takeSent().map((sent) => sent.bytes[0]),
      [0, 1, 2],
    );
    assert.deepEqual([driver.stats(1).sentFrames, driver.stats(1).backPressure], [3, 2]);
  });

  it('counts a frame that has no place in the queue as a send error', () => {
    const driver = new MemoryDriver({ slots: 1 });
    driver.sendCopy(frame(1), 0, 1, 0, 0);
    driver.sendCopy(frame(2), 0, 1, 0, 0);
    driver.flush();
    assert.deepEqual([driver.stats(0).sentFrames, driver.stats(0).sendErrors], [1, 1]);
  });

  it('gives back what it is told to', () => {
    const driver = new MemoryDriver();
    const burst = new Burst();
    driver.queue(1, frame(1, 2));
    driver.receive(burst);
    driver.handBack(burst, 0);
    driver.release(burst);
    assert.deepEqual(driver.takeHandedBack(), [{ port: 1, bytes: frame(1, 2), offload: 0 }]);
    assert.equal(driver.stats(1).handedBackFrames, 1);
  });

  it('takes nothing once it is closed', () => {
    const driver = new MemoryDriver();
    driver.queue(0, frame(1));
    driver.close();
    assert.equal(driver.queue(0, frame(2)), false);
    assert.equal(driver.receive(new Burst()), 0);
  });

  it('keeps its rings whole over many rounds', () => {
    const driver = new MemoryDriver({ slots: 7, frameBytes: 8 });
    const burst = new Burst();
    for (let round = 0; round < 100; round++) {
      const sizes = 1 + (round % 5);
      for (let i = 0; i < sizes; i++) driver.queue(0, frame(round, i));
      assert.equal(driver.receive(burst), sizes);
      for (let i = 0; i < sizes; i++) driver.send(burst, i, 1);
      driver.flush();
      driver.release(burst);
      const sent = driver.takeSent().map(({ bytes }) => [...bytes]);
      assert.deepEqual(
        sent,
        Array.from({ length: sizes }, (_, i) => [round, i]),
      );
    }
  });
});
