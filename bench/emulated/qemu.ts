/** QEMU's command line. */
import { HOST_TAG, SHARE_TAG } from './guest.js';

export const QEMU = 'qemu-system-x86_64';
/** What flock(1) ends with where somebody else holds the lock. */
export const LOCKED = 75;

export interface QemuOptions {
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
  const lock = ['--no-fork', '--nonblock', '--conflict-exit-code', String(LOCKED)];
  return [
    ['flock', ...lock, options.lockFile],
    ['setpriv', '--pdeathsig', 'KILL', '--'],
    [QEMU, '-accel', 'tcg,thread=multi', '-cpu', 'max'],
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
