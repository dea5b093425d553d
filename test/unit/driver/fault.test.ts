import assert from 'node:assert/strict';
import { Burst, BURST_MAX } from '../../../dataplane/driver/driver.js';
import { FaultDriver, type FaultDriverOptions } from '../../../dataplane/driver/fault.js';
import type { FaultRates } from '../../../dataplane/driver/faultyline.js';
import { MemoryDriver } from '../../../dataplane/driver/memory.js';

/** A driver with faults around a memory driver, and what comes out of it. */
class Rig {
  readonly inner = new MemoryDriver({ slots: 4096, frameBytes: 256 });
  readonly driver: FaultDriver;
  private readonly burst = new Burst();

  constructor(options: Partial<FaultDriverOptions>) {
    this.driver = new FaultDriver(this.inner, { seed: 1, frameBytes: 256, ...options });
  }

  /** Lets frames of 4 bytes arrive, numbered from 0, and returns what is received until nothing comes. */
  receive(count: number): number[][] {
    for (let i = 0; i < count; i++) this.inner.queue(0, Uint8Array.of(i >> 8, i, 0xaa, 0x55), i);
    const frames: number[][] = [];
    let quiet = 0;
    while (quiet < 2) {
      quiet = this.driver.receive(this.burst) === 0 ? quiet + 1 : 0;
      for (let i = 0; i < this.burst.count; i++) {
        const start = this.burst.offset[i];
        frames.push(Array.from(this.driver.memory.slice(start, start + this.burst.length[i])));
      }
      this.driver.release(this.burst);
    }
    return frames;
  }

  /** Sends as many frames and returns what reached the network. */
  send(count: number): number[][] {
    for (let i = 0; i < count; i++) {
      this.driver.sendCopy(Uint8Array.of(i >> 8, i, 0xaa, 0x55), 0, 4, i, 1);
      if (i % BURST_MAX === 0) this.driver.flush();
    }
    this.driver.flush();
    return this.inner.takeSent().map((frame) => [...frame.bytes]);
  }
}

const number = (frame: number[]) => (frame[0] << 8) | frame[1];
const numbers = (frames: number[][]) => frames.map((frame) => number(frame));
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const inOrder = (values: number[]) => [...values].sort((a, b) => a - b);

function runFaults(direction: 'receive' | 'send', rates: FaultRates, count: number, seed = 1) {
  const rig = new Rig({ seed, [direction]: rates });
  const frames = rig[direction](count);
  const { received, sent } = rig.driver.faults;
  return { frames, faults: direction === 'receive' ? received : sent };
}

for (const direction of ['receive', 'send'] as const) {
  describe(`fault driver, ${direction}`, () => {
    const run = runFaults.bind(null, direction);

    it('passes everything on where no fault is asked for', () => {
      assert.deepEqual(numbers(run({}, 1000).frames), upTo(1000));
    });

    it('drops', () => {
      const { frames, faults } = run({ drop: 0.25 }, 1000);
      assert.equal(frames.length, 1000 - faults.dropped);
      assert.ok(faults.dropped > 150 && faults.dropped < 350);
      assert.deepEqual(numbers(frames), inOrder(numbers(frames)));
      assert.deepEqual(run({ drop: 1 }, 100).frames, []);
    });

    it('duplicates', () => {
      const { frames, faults } = run({ duplicate: 1 }, 500);
      assert.deepEqual(
        numbers(frames),
        upTo(500).flatMap((i) => [i, i]),
      );
      assert.equal(faults.duplicated, 500);
    });

    it('reorders, and loses nothing', () => {
      const { frames, faults } = run({ reorder: 0.1 }, 1000);
      assert.notDeepEqual(numbers(frames), upTo(1000));
      assert.deepEqual(inOrder(numbers(frames)), upTo(1000));
      assert.ok(faults.reordered > 50);
      const lateBy = numbers(frames).map((value, place) => place - value);
      assert.ok(Math.max(...lateBy) > 1 && Math.max(...lateBy) <= 16);
    });

    it('truncates', () => {
      const { frames, faults } = run({ truncate: 0.5 }, 1000);
      assert.equal(frames.length, 1000);
      const lengths = new Set(frames.map((frame) => frame.length));
      assert.deepEqual(inOrder([...lengths]), [0, 1, 2, 3, 4]);
      assert.ok(faults.truncated > 400);
    });

    it('corrupts one bit', () => {
      const { frames, faults } = run({ corrupt: 1 }, 300);
      assert.equal(faults.corrupted, 300);
      frames.forEach((frame, i) => {
        const sent = [i >> 8, i & 255, 0xaa, 0x55];
        const flipped = frame.map((byte, at) => byte ^ sent[at]).filter((bits) => bits !== 0);
        assert.equal(flipped.length, 1);
        assert.equal(Math.log2(flipped[0]) % 1, 0);
      });
    });

    it('does the same again with the same seed, and something else with another', () => {
      const rates = { drop: 0.1, duplicate: 0.1, reorder: 0.1, truncate: 0.1, corrupt: 0.1 };
      assert.deepEqual(run(rates, 500, 7), run(rates, 500, 7));
      assert.notDeepEqual(run(rates, 500, 7).frames, run(rates, 500, 8).frames);
    });
  });
}

describe('fault driver', () => {
  it('keeps ports and offload words', () => {
    const { driver, inner } = new Rig({});
    const burst = new Burst();
    inner.queue(1, Uint8Array.of(1), 77);
    driver.receive(burst);
    assert.deepEqual([burst.port[0], burst.offload[0]], [1, 77]);
    driver.send(burst, 0, 0);
    driver.flush();
    driver.release(burst);
    assert.deepEqual(inner.takeSent(), [{ port: 0, bytes: Uint8Array.of(1), offload: 77 }]);
  });

  it('hands frames back that still are the inner driver’s, and counts others as lost', () => {
    const { driver, inner } = new Rig({ receive: { duplicate: 1 } });
    const burst = new Burst();
    inner.queue(0, Uint8Array.of(1));
    assert.equal(driver.receive(burst), 2);
    driver.handBack(burst, 0);
    driver.handBack(burst, 1);
    driver.release(burst);
    assert.equal(inner.takeHandedBack().length, 1);
    assert.equal(driver.faults.received.dropped, 1);
  });

  it('does not hand back a frame of an earlier burst as one of this burst', () => {
    const { driver, inner } = new Rig({ receive: { duplicate: 1 } });
    const burst = new Burst();
    for (let i = 0; i < BURST_MAX; i++) inner.queue(0, Uint8Array.of(i));
    driver.receive(burst);
    driver.release(burst);
    inner.queue(0, Uint8Array.of(200));
    driver.receive(burst);
    for (let i = 0; i < burst.count; i++) driver.handBack(burst, i);
    driver.release(burst);
    assert.deepEqual(inner.takeHandedBack(), []);
  });

  it('sends more between two flushes than it can hold', () => {
    const { driver, inner } = new Rig({});
    for (let i = 0; i < 2000; i++) driver.sendCopy(Uint8Array.of(i >> 8, i), 0, 2, 0, 0);
    driver.flush();
    assert.deepEqual(numbers(inner.takeSent().map(({ bytes }) => Array.from(bytes))), upTo(2000));
  });

  it('counts a frame larger than its slots as dropped', () => {
    const { driver, inner } = new Rig({ frameBytes: 16 });
    inner.queue(0, new Uint8Array(17));
    assert.equal(driver.receive(new Burst()), 0);
    assert.equal(driver.faults.received.dropped, 1);
  });

  it('refuses what is no probability', () => {
    assert.throws(() => new Rig({ receive: { drop: 1.5 } }), /drop: 1.5 is no probability/);
    assert.throws(() => new Rig({ send: { corrupt: Number.NaN } }), /corrupt: NaN/);
  });
});
