import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createLog } from '../../../src/director/log.js';
import { Teardown } from '../../../src/director/teardown.js';

describe('teardown', () => {
  it('undoes everything once, the last first, one after the other', async () => {
    const done: string[] = [];
    const teardown = new Teardown(createLog({ level: 'error', write: () => {} }));
    teardown.add('first', () => void done.push('first'));
    teardown.add('second', async () => {
      await Promise.resolve();
      done.push('second');
    });
    teardown.add('third', () => void done.push('third'));
    assert.equal(await teardown.run(), true);
    assert.equal(await teardown.run(), true);
    assert.deepEqual(done, ['third', 'second', 'first']);
  });

  it('leaves to a successor what it is to find', async () => {
    const done: string[] = [];
    const teardown = new Teardown(createLog({ level: 'error', write: () => {} }));
    teardown.add('lock', () => void done.push('lock'));
    teardown.add('tables', () => void done.push('tables'), 'keep');
    teardown.add('socket', () => void done.push('socket'));
    assert.equal(await teardown.run({ forSuccessor: true }), true);
    assert.deepEqual(done, ['socket', 'lock']);
  });

  it('goes on after a step that fails, and says so', async () => {
    const done: string[] = [];
    const lines: string[] = [];
    const teardown = new Teardown(createLog({ level: 'info', write: (line) => lines.push(line) }));
    teardown.add('first', () => void done.push('first'));
    teardown.add('second', () => Promise.reject(new Error('no')));
    assert.equal(await teardown.run(), false);
    assert.deepEqual(done, ['first']);
    assert.match(lines.join(''), /^\S+ error could not undo step=second reason=no\n$/);
  });
});
