import assert from 'node:assert/strict';
import { NoDirectorError } from '../../../../src/control/client.js';
import type { Snapshot } from '../../../../src/control/snapshot.js';
import type { OpenControl } from '../../../../src/tools/command.js';
import { run } from '../../../../src/tools/top.js';
import { server, service, snapshot } from './fixture.js';

const NOW = snapshot([service(80, [server(11), server(12)])]);

async function top(words: string[], open: () => Promise<OpenControl> = director) {
  const output = { exitCode: 0, stdout: '', stderr: '' };
  output.exitCode = await run(words, {
    stdout: { write: (text) => (output.stdout += text) },
    stderr: { write: (text) => (output.stderr += text) },
    open,
  });
  return output;
}

function director(): Promise<OpenControl> {
  const control = { snapshot: async () => NOW, close: () => undefined };
  return Promise.resolve(control as unknown as OpenControl);
}

function nobody(): Promise<OpenControl> {
  return Promise.reject(new NoDirectorError('No director at /run/uvs'));
}

describe('uvs top where there is no terminal', () => {
  it('prints one plain table', async () => {
    for (const words of [[], ['--once'], ['--interval', '0.5']]) {
      const { stdout, exitCode } = await top(words);
      assert.equal(exitCode, 0);
      assert.match(
        stdout,
        /^TCP 10\.1\.0\.100:80 +rr +0 [^]*^ {2}10\.2\.0\.11:80 +1 +0 [^]*12:80/m,
      );
    }
  });

  it('prints the snapshot as an object', async () => {
    const { stdout } = await top(['--json']);
    assert.deepEqual(JSON.parse(stdout) as Snapshot, NOW);
  });

  it('says what is wrong with the command line', async () => {
    for (const words of [
      ['--interval', '0'],
      ['--interval', '3601'],
      ['--interval', 'x'],
    ]) {
      const { exitCode, stderr } = await top(words);
      assert.equal(exitCode, 2);
      assert.match(stderr, /--interval must be a number of seconds from 0\.1 to 3600, not '.*'/);
    }
    assert.equal((await top(['--twice'])).exitCode, 2);
    assert.equal((await top(['more'])).exitCode, 2);
  });

  it('says that there is no director', async () => {
    const { exitCode, stderr } = await top([], nobody);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^uvs top: No director at \/run\/uvs\nStart one with uvsd/);
  });
});
