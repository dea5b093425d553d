import assert from 'node:assert/strict';
import { Meters, METERS_LAYOUT } from '../../../dataplane/meters.js';
import { Region, regionBytes } from '../../../dataplane/memory/region.js';
import { BurstMeter } from '../../../src/worker/burst-meter.js';
import { hostClock } from '../../../src/worker/host-clock.js';

const SECOND_MS = 1000;

describe('the meter of bursts', () => {
  let meters: Meters;
  let arrival: Int32Array;
  let meter: BurstMeter;
  beforeEach(() => {
    const buffer = new ArrayBuffer(regionBytes(METERS_LAYOUT, 1));
    meters = new Meters(new Region(METERS_LAYOUT, 1, { buffer }));
    arrival = new Int32Array(2);
    meter = new BurstMeter(meters, arrival);
  });

  /** The kernel's stamp of a frame that came so long ago. */
  function arrived(agoMs: number): void {
    const ms = Date.now() - agoMs;
    arrival[0] = Math.floor(ms / SECOND_MS);
    arrival[1] = (ms % SECOND_MS) * 1e6;
  }

  const times = (): number => meters.timeInside.counts.reduce((sum, count) => sum + count, 0);

  it('takes the time since the first frame’s arrival, by the host’s clock', () => {
    arrived(30 * SECOND_MS);
    hostClock();
    meter.note(3);
    const { sum, counts } = meters.timeInside;
    assert.ok(sum > 29.9 && sum < 35, `${sum} s`);
    assert.equal(counts.at(-1), 1);
    assert.equal(meters.bursts.sum, 3);
  });

  it('takes none where the driver does not know when a frame came', () => {
    hostClock();
    meter.note(1);
    assert.deepEqual([meters.bursts.sum, times()], [1, 0]);
  });

  it('takes none of a frame that came tomorrow, since somebody has set the clock', () => {
    arrived(-24 * 3600 * SECOND_MS);
    hostClock();
    meter.note(1);
    assert.equal(times(), 0);
  });

  it('goes by the clock as it is set now', () => {
    for (let now = 0; now < 300; now += 100) meter.advance(now);
    arrived(10 * SECOND_MS);
    hostClock();
    meter.note(1);
    assert.equal(times(), 1);
  });
});
