import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Timeline } from '../../../sim/timeline.js';

describe('virtual time', () => {
  it('brings everything at its moment, and in order where moments are equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 200 }), async (delays) => {
        const timeline = new Timeline();
        const seen: [number, number][] = [];
        delays.forEach((delay, i) => timeline.after(delay, () => void seen.push([delay, i])));
        await timeline.runUntil(100);
        const expected = delays.map((delay, i): [number, number] => [delay, i]);
        assert.deepEqual(
          seen,
          expected.toSorted(([a, i], [b, j]) => a - b || i - j),
        );
      }),
      { seed: 4711 },
    );
  });

  it('takes in what comes while it passes', async () => {
    const timeline = new Timeline();
    const moments: number[] = [];
    const again = (): void => {
      moments.push(timeline.nowMs);
      timeline.after(10, again);
    };
    timeline.after(5, again);
    await timeline.runUntil(30);
    assert.deepEqual(moments, [5, 15, 25]);
    assert.equal(timeline.nowMs, 30);
  });

  it('waits for what takes its time', async () => {
    const timeline = new Timeline();
    const seen: string[] = [];
    timeline.after(1, async () => {
      await Promise.resolve();
      seen.push('slow');
    });
    timeline.after(1, () => void seen.push('next'));
    await timeline.runUntil(1);
    assert.deepEqual(seen, ['slow', 'next']);
  });
});
