import assert from 'node:assert/strict';
import { callerFields } from '../../../src/director/caller.js';

const NO_PROCESS = 2 ** 30;

describe('who changes something', () => {
  it('is a process and its user', () => {
    assert.deepEqual(callerFields({ pid: NO_PROCESS, uid: 7 }), { uid: 7, pid: NO_PROCESS });
  });

  it('is told with the user who has logged in only where that is another one', () => {
    const { uid, pid, login } = callerFields({ pid: process.pid, uid: 0 });
    assert.deepEqual([uid, pid], [0, process.pid]);
    assert.ok(login === undefined || login !== 0);
  });
});
