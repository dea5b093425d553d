/** QEMU's command line. */
import { LabError } from '../../lab/errors.js';
import { HOST_TAG, SHARE_TAG } from './guest.js';

export const QEMU = 'qemu-system-x86_64';
/** What flock(1) ends with where somebody else holds the lock. */
export const LOCKED = 75;

/**
 * What the emulated machine's time follows.
 *
 * instructions: one processor that carries out a thousand million of them a second, by its own clock. The same
 * work takes the same time, whatever else the host has to do. With more than one processor QEMU 7.2 doesn't boot.
 *
 * host: the host's clock. A second is a second, and how much is done in it is up to the host.
 */
export type Clock = 'instructions' | 'host';
export const CLOCKS: readonly Clock[] = ['instructions', 'host'];

/** The one that the option --clock names; the first without it. Throws LabError where there is no such clock. */
export function clockNamed(text: string | undefined): Clock {
  const [standard] = CLOCKS;
  const found = CLOCKS.find((clock) => clock === (text ?? standard));
  if (found !== undefined) return found;
  throw new LabError(`--clock must be ${CLOCKS.join(' or ')}, not '${text}'`);
}

/** A nanosecond an instruction; and idle time takes as long as on the host, which devices need. */
const INSTRUCTION_CLOCK = 'shift=0,sleep=on';

export interface QemuOptions {
  readonly clock: Clock;
  readonly kernelImage: string;
  readonly initramfs: string;
  /** On the host, what both sides write to. */
  readonly shareFolder: string;
  readonly lockFile: string;
  readonly processors: number;
  readonly memoryMb: number;
}

/**
 * One machine at a time (flock), that ends when the process does which started it (setpriv), whatever ends that.
 * The kernel's console is QEMU's standard output.
 *
 * @returns the program and its arguments
 */
export function qemuCommand(options: QemuOptions): string[] {
  const accelerator =
    options.clock === 'host'
      ? ['-accel', 'tcg,thread=multi']
      : ['-accel', 'tcg,thread=single', '-icount', INSTRUCTION_CLOCK];
  const lock = ['--no-fork', '--nonblock', '--conflict-exit-code', String(LOCKED)];
  return [
    ['flock', ...lock, options.lockFile],
    ['setpriv', '--pdeathsig', 'KILL', '--'],
    [QEMU, ...accelerator, '-cpu', 'max'],
    ['-smp', String(options.processors), '-m', `${options.memoryMb}M`],
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ['-kernel', options.kernelImage, '-initrd', options.initramfs],
    sharedFolder(HOST_TAG, '/', ['readonly=on', 'multidevs=remap']),
    sharedFolder(SHARE_TAG, options.shareFolder, []),
    ['-append', 'console=ttyS0 quiet panic=-1 oops=panic mitigations=off tsc=reliable'],
  ].flat();
}

function sharedFolder(tag: string, path: string, options: readonly string[]): string[] {
  // A comma separates QEMU's options; within one it is doubled.
  const escaped = path.replaceAll(',', ',,');
  const settings = [`id=${tag}`, `path=${escaped}`, 'security_model=none', ...options];
  const device = `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`;
  return ['-fsdev', `local,${settings.join(',')}`, '-device', device];
}
