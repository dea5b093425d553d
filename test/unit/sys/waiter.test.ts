import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Waiter } from '../../../dataplane/sys/waiter.js';

/** A named pipe, open for both ways. */
function openPipe(folder: string, name: string): number {
  const path = join(folder, name);
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

describe('waiting without the event loop', () => {
  let folder: string;
  let first: number;
  let second: number;
  let interrupt: number;
  const byte = new Uint8Array(1);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-waiter-'));
    [first, second, interrupt] = ['first', 'second', 'interrupt'].map((n) => openPipe(folder, n));
  });
  after(() => {
    for (const fd of [first, second, interrupt]) closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  it('ends when one of the descriptors is readable, or when time is up', () => {
    const waiter = new Waiter();
    waiter.setDescriptors([first, second]);
    assert.equal(waiter.wait(1), false);
    writeSync(second, byte);
    assert.equal(waiter.wait(10_000), true);
    readSync(second, byte);
    assert.equal(waiter.wait(0), false);
  });

  it('waits for the descriptors it was told last', () => {
    const waiter = new Waiter();
    waiter.setDescriptors([first]);
    waiter.setDescriptors([second]);
    writeSync(first, byte);
    assert.equal(waiter.wait(1), false);
    readSync(first, byte);
  });

  it('says that there is nothing where it was interrupted', () => {
    const waiter = new Waiter(interrupt);
    waiter.setDescriptors([first]);
    writeSync(interrupt, byte);
    assert.equal(waiter.wait(10_000), false);
    writeSync(first, byte);
    assert.equal(waiter.wait(10_000), false);
    readSync(interrupt, byte);
    assert.equal(waiter.wait(10_000), true);
    readSync(first, byte);
  });
});
