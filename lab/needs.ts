/** What the lab needs of the machine it runs on, checked before anything is made. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { LabError } from './errors.js';

/** Debian package of each command that is used. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nginx: 'nginx',
  curl: 'curl',
  wrk: 'wrk',
  ping: 'iputils-ping',
  nft: 'nftables',
  iperf3: 'iperf3',
  haproxy: 'haproxy',
  promtool: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
};

/** Fails with what to do about it unless this is root and all commands are there. */
export function requireMachine(commands: readonly string[]): void {
  if (process.platform !== 'linux') throw new LabError('the lab needs Linux network namespaces');
  if (process.getuid?.() !== 0) {
    throw new LabError('the lab makes network namespaces and so needs root: try again with sudo');
  }
  const missing = commands.filter((command) => findCommand(command) === null);
  if (missing.length > 0) {
    const packages = missing.map((command) => PACKAGES[command] ?? command).join(' ');
    throw new LabError(
      `not installed: ${missing.join(', ')}; try apt-get install --no-install-recommends ${packages}`,
    );
  }
}

/** Where a command is installed; null where it isn't. */
export function findCommand(command: string): string | null {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`.split(':');
  const paths = folders.filter(Boolean).map((folder) => join(folder, command));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
