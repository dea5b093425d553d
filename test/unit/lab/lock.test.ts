import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, isRunning } from '../../../lab/identity.js';
import { withLock } from '../../../lab/lock.js';

describe('the lock of a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is there while the action runs, and gone afterwards, also if the action fails', () => {
    assert.equal(
      withLock(folder, () => existsSync(join(folder, '.lock'))),
      true,
    );
    assert.deepEqual(readdirSync(folder), []);
    assert.throws(
      () =>
        withLock(folder, () => {
          throw new Error('no luck');
        }),
      /no luck/,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is taken over from a dead process, also where another has got its number', () => {
    const dead = spawnSync('true').pid;
    const reused = { pid: process.pid, startTime: '1' };
    for (const holder of [{ pid: dead, startTime: '1' }, reused]) {
      writeFileSync(join(folder, '.lock'), JSON.stringify(holder));
      assert.equal(
        withLock(folder, () => 'done'),
        'done',
      );
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('the identity of a process', () => {
  it('holds for itself and for no other of the same number', () => {
    const self = identityOf(process.pid);
    assert.ok(self !== undefined);
    assert.equal(isRunning(self), true);
    assert.equal(
      isRunning({ pid: process.pid, startTime: `${Number(self.startTime) + 1}` }),
      false,
    );
  });

  it('is not to be had of a process that has ended', () => {
    const { pid } = spawnSync('true');
    assert.equal(identityOf(pid), undefined);
  });
});
