/** What benchmarks that run in the emulated machine say about it, and have installed for it. */
import { spawnSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import type { Emulation } from '../macro/results.js';
import { QEMU, type Clock } from './qemu.js';

/** What results can be used for, by the clock they were measured with. */
export const MEANING: Readonly<Record<Clock, string>> = {
  instructions:
    'Time is counted in instructions, a thousand million a second on one processor. So it makes no difference what ' +
    'else the host did; nor do caches, memory, and the work that several processors do side by side. Ratios between ' +
    'those measured here say who needs fewer instructions; absolute values mean nothing.',
  host:
    'Everything was 20 to 30 times slower than on the host itself, JavaScript by another factor than the kernel, and ' +
    'slower still while the host did something else. Ratios between those measured here mean something, absolute ' +
    'values do not.',
};

/** To be called only where it is needed: it is much. */
export function installEmulator(): void {
  const script = join(packageRoot(), 'scripts', 'setup.mjs');
  const { status } = spawnSync(process.execPath, [script, 'emulation'], { stdio: 'inherit' });
  if (status !== 0) throw new LabError('what the emulated machine needs could not be installed');
}

export function emulation(clock: Clock): Emulation {
  const { stdout } = spawnSync(QEMU, ['--version'], { encoding: 'utf8' });
  return {
    by: `${stdout.split('\n')[0].trim()}; TCG, by the clock of ${clock}`,
    processor: cpus()[0]?.model ?? '',
    kernel: release(),
    meaning: MEANING[clock],
  };
}
