import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { MemoryDriver } from '../../../dataplane/driver/memory.js';
import { Pacer, type PacedDriver } from '../../../dataplane/driver/pacer.js';

/** A network whose readiness the test decides about. */
class TestDriver extends MemoryDriver implements PacedDriver {
  onReadable: (() => void) | null = null;
  unsent = 0;
  awaited = 0;
  /** What comes while it is waited for. */
  onAwait: () => boolean = () => false;

  await(): boolean {
    this.awaited += 1;
    return this.onAwait();
  }

  waiting(): number {
    return this.unsent;
  }

  watch(onReadable: () => void): void {
    this.onReadable = onReadable;
  }

  unwatch(): void {
    this.onReadable = null;
  }
}

/** Frames and due work in given amounts. */
class TestWork extends EventEmitter {
  frames = 0;
  due = 0;
  bursts: number[] = [];
  advances: number[] = [];

  burst(now: number): number {
    this.bursts.push(now);
    this.emit('burst');
    if (this.frames === 0) return 0;
    this.frames -= 1;
    return 1;
  }

  advance(now: number): boolean {
    this.advances.push(now);
    this.emit('advance');
    if (this.due === 0) return false;
    this.due -= 1;
    return true;
  }
}

describe('the pacer', () => {
  let driver: TestDriver;
  let work: TestWork;
  let now: number;
  let pacer: Pacer;

  beforeEach(() => {
    driver = new TestDriver();
    work = new TestWork();
    now = 1;
    pacer = new Pacer(driver, work, () => now);
    pacer.start();
  });
  afterEach(() => pacer.stop());

  it('moves bursts until nothing is left', () => {
    work.frames = 3;
    driver.onReadable?.();
    assert.equal(work.bursts.length, 4);
    assert.ok(driver.onReadable !== null);
  });

  it('lets others have their turn while there is more', () => {
    work.frames = 1000;
    driver.onReadable?.();
    assert.ok(work.frames > 900);
    assert.ok(driver.onReadable !== null);
  });

  it('waits a moment for more, and goes on with what comes', () => {
    work.frames = 1;
    driver.onAwait = () => {
      work.frames = driver.awaited < 3 ? 1 : 0;
      return driver.awaited < 3;
    };
    driver.onReadable?.();
    assert.equal(driver.awaited, 3);
    assert.equal(work.bursts.length, 6);
  });

  it('waits for more where there was something, and for so long only', () => {
    driver.onReadable?.();
    assert.equal(driver.awaited, 0);
    work.frames = 1;
    driver.onAwait = () => true;
    driver.onReadable?.();
    assert.ok(driver.awaited > 0 && driver.awaited < 100);
  });

  it("doesn't wait for more while frames can't be sent", () => {
    driver.unsent = 1;
    work.frames = 1;
    driver.onReadable?.();
    assert.equal(driver.awaited, 0);
  });

  it('reads the clock for each burst', () => {
    work.frames = 2;
    work.on('burst', () => (now += 1));
    driver.onReadable?.();
    assert.deepEqual(work.bursts, [1, 2, 3]);
  });

  it('runs what is due once a tick, after the bursts', () => {
    now = 7;
    work.frames = 2;
    driver.onReadable?.();
    driver.onReadable?.();
    assert.deepEqual(work.advances, [7]);
    now = 8;
    driver.onReadable?.();
    assert.deepEqual(work.advances, [7, 8]);
  });

  it('goes on with due work in the next turn of the event loop, with a burst in between', async () => {
    work.due = 2;
    now = 9;
    driver.onReadable?.();
    await once(work, 'advance');
    await once(work, 'advance');
    assert.deepEqual(work.advances, [9, 9, 9]);
    assert.equal(work.bursts.length, 3);
  });

  it('runs what is due without any frames', async () => {
    now = 5;
    await once(work, 'advance');
    assert.deepEqual(work.advances, [5]);
  });

  it('comes back soon for what is left, and goes on watching where frames come in', async () => {
    driver.unsent = 1;
    work.frames = 1;
    driver.onReadable?.();
    assert.ok(driver.onReadable !== null);
    const { length } = work.bursts;
    await once(work, 'burst');
    assert.equal(work.bursts.length, length + 1);
  });

  it("doesn't wait for frames but comes back soon while frames can't be sent", async () => {
    driver.unsent = 1;
    driver.onReadable?.();
    assert.equal(driver.onReadable, null);
    await once(work, 'burst');
    assert.equal(driver.onReadable, null);
    driver.unsent = 0;
    await once(work, 'burst');
    assert.ok(driver.onReadable !== null);
  });

  it('does nothing any more after a stop', async () => {
    work.due = 1;
    now = 2;
    const wake = driver.onReadable;
    driver.unsent = 1;
    driver.onReadable?.();
    pacer.stop();
    const { length } = work.bursts;
    wake?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(work.bursts.length, length);
    assert.equal(driver.onReadable, null);
  });

  it('can be stopped from within its work, and started again', () => {
    work.frames = 1;
    work.once('burst', () => pacer.stop());
    driver.onReadable?.();
    assert.equal(driver.onReadable, null);
    pacer.start();
    assert.ok(driver.onReadable !== null);
  });
});
