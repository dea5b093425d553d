import assert from 'node:assert/strict';
import { schedulerByName, SCHEDULERS } from '../../../scheduler/registry.js';

describe('scheduler registry', () => {
  it('finds every scheduler by its name', () => {
    const names = SCHEDULERS.map((type) => type.name);
    assert.deepEqual(
      [...names].sort(),
      'dh fo lblc lblcr lc mh nq ovf rr sed sh wlc wrr'.split(' '),
    );
    for (const type of SCHEDULERS) assert.equal(schedulerByName(type.name), type);
  });

  it('knows no other names', () => {
    assert.equal(schedulerByName('none'), undefined);
    assert.equal(schedulerByName('constructor'), undefined);
  });
});
