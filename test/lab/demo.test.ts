import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { labNamespaces } from '../../lab/ip.js';
import { removeLab } from '../../lab/registry.js';
import { packageRoot } from '../../src/package.js';
import { requireRoot } from './support/setting.js';

describe('the demo', () => {
  before(function () {
    requireRoot(this);
  });
  // Half a minute, or several on a machine that has other things to do.
  beforeEach(function () {
    this.timeout(300_000);
  });

  it('keeps its promises, without colours where there is no terminal, and cleans up', async () => {
    const { exit, output } = await runDemo([]);
    assert.equal(exit, 0, output);
    for (const shown of ['rr', 'wrr', 'wlc', '-p 60', '-Ln\n', '-Lnc\n', '--stats', '-w 0']) {
      assert.ok(output.includes(shown), `does not show ${shown}`);
    }
    assert.ok(!output.includes('NOT SO'));
    assert.ok(!output.includes('\x1b'));
    assert.match(output, /The lab is gone/);
  });

  it('stays up with --keep, to be taken down as it says', async () => {
    const { exit, output } = await runDemo(['--keep']);
    const down = /uvs\.js lab down --lab (demo\d*)/.exec(output);
    assert.ok(exit === 0 && down !== null, output);
    const prefix = `uvslab-${down[1]}-`;
    assert.ok(labNamespaces().some((name) => name.startsWith(prefix)));
    removeLab(down[1]);
    assert.ok(!labNamespaces().some((name) => name.startsWith(prefix)));
  });

  it('cleans up when it is interrupted', async () => {
    const before = new Set(labNamespaces());
    const { exit, output } = await runDemo([], /Round robin/);
    assert.equal(exit, 130, output);
    assert.deepEqual(
      labNamespaces().filter((name) => !before.has(name)),
      [],
    );
  });
});

/** Runs the demo; with `interruptAt` it gets Ctrl-C's signal once its output has a match. */
function runDemo(
  args: string[],
  interruptAt?: RegExp,
): Promise<{ exit: number | null; output: string }> {
  const program = join(packageRoot(), 'dist', 'lab', 'demo.js');
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let interrupted = false;
  const collect = (text: string) => {
    output += text;
    if (interrupted || interruptAt?.test(output) !== true) return;
    interrupted = true;
    child.kill('SIGINT');
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  return new Promise((resolve) => {
    child.on('close', (exit) => resolve({ exit, output }));
  });
}
