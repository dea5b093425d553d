import assert from 'node:assert/strict';
import { Pace } from '../../../src/observe/pace.js';

const PATIENCE_MS = 5000;

describe('a pace', () => {
  it('lets other work have its turn, and whoever asks has some done by then', async () => {
    const pace = new Pace();
    const others: number[] = [];
    let done = 0;
    setImmediate(() => others.push(done));
    const end = performance.now() + PATIENCE_MS;
    while (others.length === 0 && performance.now() < end) {
      await pace.breathe();
      done++;
    }
    assert.equal(others.length, 1);
    assert.ok(others[0] > 1, String(others));
  });
});
