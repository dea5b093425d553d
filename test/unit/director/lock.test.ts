import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { DirectorRunningError, lockStateDirectory } from '../../../src/director/lock.js';
import { lockNetwork } from '../../../src/director/network-lock.js';
import { temporaryFolder } from '../control/memory-control.js';

const LOCK_MODULE = join(import.meta.dirname, '../../../src/director/lock.ts');

describe('lock of the state directory', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let directory: string;

  beforeEach(() => {
    folder = temporaryFolder();
    directory = join(folder.path, 'uvs');
  });
  afterEach(() => folder.remove());

  it('makes the directory for its owner alone and leaves nothing behind', () => {
    const lock = lockStateDirectory(directory);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')).pid, process.pid);
    lock.release();
    assert.equal(existsSync(directory), false);
  });

  it('leaves a directory that was there, and one with something else in it', () => {
    mkdirSync(directory);
    lockStateDirectory(directory).release();
    assert.equal(existsSync(directory), true);
    assert.equal(existsSync(join(directory, 'lock')), false);

    const made = join(directory, 'made');
    const lock = lockStateDirectory(made);
    writeFileSync(join(made, 'precious'), '');
    lock.release();
    assert.equal(existsSync(join(made, 'precious')), true);
  });

  it('refuses a second director and names the first', () => {
    const lock = lockStateDirectory(directory);
    assert.throws(
      () => lockStateDirectory(directory),
      (error) => {
        assert.ok(error instanceof DirectorRunningError);
        assert.equal(error.pid, process.pid);
        assert.ok(error.message.includes(`process ${process.pid}`), error.message);
        assert.ok(error.message.includes(directory), error.message);
        return true;
      },
    );
    lock.release();
    lockStateDirectory(directory).release();
  });

  it('is refused to another process, until this one lets go', async () => {
    const lock = lockStateDirectory(directory);
    assert.equal(await lockElsewhere(), `held by ${process.pid}`);
    lock.release();
    assert.equal(await lockElsewhere(), 'locked');
  });

  it('isn’t fooled by what a killed director left', async () => {
    const child = startHolder();
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(line.toString().trim(), 'locked');
    assert.throws(() => lockStateDirectory(directory), DirectorRunningError);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(existsSync(join(directory, 'lock')), true);
    lockStateDirectory(directory).release();
    assert.equal(existsSync(directory), false, 'the killed one had made it');
  });

  it('isn’t fooled by nonsense in its file, nor by a living process’s number', () => {
    mkdirSync(directory);
    for (const content of ['', 'garbage', '{"pid":1,"madeDirectory":false}']) {
      writeFileSync(join(directory, 'lock'), content);
      const lock = lockStateDirectory(directory);
      assert.throws(() => lockStateDirectory(directory), { pid: process.pid });
      lock.release();
    }
  });

  it('says so where the directory can’t be', () => {
    writeFileSync(join(folder.path, 'file'), '');
    const message = /^Error: can't make the state directory: E/;
    assert.throws(() => lockStateDirectory(join(folder.path, 'file')), message);
    assert.throws(() => lockStateDirectory(join(folder.path, 'missing', 'uvs')), message);
    assert.throws(() => lockStateDirectory('/proc/uvs'), message);
  });

  /** A process that locks the directory, says so, and stays. */
  function startHolder(stay = true): ChildProcessByStdio<Writable, Readable, null> {
    const script = `
      import { lockStateDirectory } from ${JSON.stringify(LOCK_MODULE)};
      try {
        const lock = lockStateDirectory(${JSON.stringify(directory)});
        console.log('locked');
        if (${stay}) process.stdin.resume();
        else lock.release();
      } catch (error) {
        console.log('held by ' + error.pid);
      }`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  async function lockElsewhere(): Promise<string> {
    const child = startHolder(false);
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    await once(child, 'close');
    return said.trim();
  }
});

describe('lock of the network', () => {
  // A name of its own: a director may be at work on this host.
  const name = `\0uvs-test-${process.pid}`;

  it('refuses a second director and names the first', async () => {
    const lock = await lockNetwork(name);
    await assert.rejects(lockNetwork(name), (error) => {
      assert.ok(error instanceof DirectorRunningError);
      assert.equal(error.pid, process.pid);
      return true;
    });
    await lock.release();
    await (await lockNetwork(name)).release();
  });

  it('names nobody where the holder says nothing of use', async () => {
    const silent = createServer((socket) => socket.end('hello\n'));
    await once(silent.listen(name), 'listening');
    await assert.rejects(lockNetwork(name), {
      pid: 0,
      message: /^another director uses this network/,
    });
    silent.close();
  });
});
