import assert from 'node:assert/strict';
import { Meters, METERS_LAYOUT } from '../../../dataplane/meters.js';
import { Region, regionBytes } from '../../../dataplane/memory/region.js';

describe('meters', () => {
  let buffer: ArrayBuffer;
  const open = (): Meters => new Meters(new Region(METERS_LAYOUT, 1, { buffer }));
  beforeEach(() => (buffer = new ArrayBuffer(regionBytes(METERS_LAYOUT, 1))));

  it('put a burst of every size into the bucket that ends at or above it', () => {
    for (let frames = 1; frames <= 64; frames++) {
      buffer = new ArrayBuffer(buffer.byteLength);
      const meters = open();
      meters.countBurst(frames);
      const { bounds, counts, sum } = meters.bursts;
      assert.equal(
        counts.indexOf(1),
        bounds.findIndex((bound) => frames <= bound),
        `${frames}`,
      );
      assert.equal(sum, frames);
    }
  });

  it('put a time into the bucket that ends at or above it, and what is too long into the last', () => {
    const microseconds = [
      0, 1, 4, 4.1, 15.9, 16, 16.1, 32, 33, 1000, 1024, 1025, 1_048_576, 1_048_577, 5e6,
    ];
    for (const us of microseconds) {
      buffer = new ArrayBuffer(buffer.byteLength);
      const meters = open();
      meters.countTime(us / 1e6);
      const { bounds, counts } = meters.timeInside;
      const bucket = bounds.findIndex((bound) => us / 1e6 <= bound);
      assert.equal(counts.indexOf(1), bucket < 0 ? bounds.length : bucket, `${us} µs`);
      assert.equal(counts.length, bounds.length + 1);
    }
  });

  it('take no times that cannot be, as after the clock was set', () => {
    const meters = open();
    for (const seconds of [-0.001, 3600, Number.NaN]) meters.countTime(seconds);
    const { counts, sum } = meters.timeInside;
    assert.deepEqual([counts.every((count) => count === 0), sum], [true, 0]);
  });

  it('keep what they measured over a restart, but not what nobody can have measured', () => {
    const meters = open();
    meters.countBurst(5);
    meters.countExpired(3);
    meters.countExpiredTemplate();
    assert.equal(open().rebuild(), 0);
    assert.deepEqual([open().bursts.sum, open().expired(3), open().expiredTemplates], [5, 1, 1]);
    new Float64Array(buffer).fill(Number.NaN, METERS_LAYOUT.recordWords / 2);
    assert.ok(open().rebuild() > 0);
    assert.deepEqual([open().bursts.sum, open().expired(3), open().expiredTemplates], [0, 0, 0]);
  });
});
