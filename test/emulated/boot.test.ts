/**
 * Boots the emulated machine of `npm run bench:ipvs`: half a minute, and what it needs is downloaded the first time. So it isn't part of
 * `npm test`: `npm run test:emulated`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runEmulated } from '../../bench/emulated/machine.js';
import { childrenOf } from '../../bench/macro/processes.js';
import { packageRoot, packageVersion } from '../../src/package.js';

const TIMEOUT_MS = 5 * 60_000;

describe('the emulated machine', function () {
  this.timeout(TIMEOUT_MS);

  for (const clock of ['instructions', 'host'] as const) {
    it(`runs a program and hands back what it said, by the clock of ${clock}`, async () => {
      const run = await runEmulated({
        program: 'dist/bin/uvs.js',
        args: ['--version'],
        modules: ['ip_vs conn_tab_bits=14'],
        clock,
        timeoutMs: TIMEOUT_MS,
      });
      assert.equal(run.status, 0);
      assert.ok(run.stdout.includes(packageVersion()), run.stdout);
    });
  }

  it('ends when the one who started it is killed', async () => {
    const program = join(packageRoot(), 'dist/bench/ipvs/main.js');
    const bench = spawn(process.execPath, [program, '--emulate', '--quick'], { stdio: 'pipe' });
    const qemu = await theOne(() => childrenOf(bench.pid ?? 0).find(isQemu));
    bench.kill('SIGKILL');
    await theOne(() => (isQemu(qemu) ? undefined : 0));
  });
});

/** Waits until there is one. */
async function theOne(look: () => number | undefined): Promise<number> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await pause(20);
  }
}

function isQemu(pid: number): boolean {
  return readProc(String(pid), 'cmdline').startsWith('qemu-system');
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
