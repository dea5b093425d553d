/** The system of the emulated machine: Debian's kernel with its modules, and ipvsadm. Unpacked, never installed. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { cacheFolder } from './cache.js';
import { runCommand } from './commands.js';

/** Changes with what is kept, so that an older cache is left alone. */
const LAYOUT = 1;
/** Always depends on the newest kernel of this Debian release. */
const NEWEST_KERNEL = 'linux-image-amd64';
/** ipvsadm, and those of its libraries that not every system has. */
const IPVSADM = ['ipvsadm', 'libnl-3-200', 'libnl-genl-3-200', 'libpopt0'];
/** Of nearly 400 MB of a kernel: networks, the file systems that the machine starts from, what these need. */
const KEPT = [
  'boot/vmlinuz-*',
  '*/modules/*/modules.*',
  '*/modules/*/kernel/arch/x86/crypto/*',
  '*/modules/*/kernel/crypto/*',
  '*/modules/*/kernel/drivers/net/veth.ko*',
  '*/modules/*/kernel/drivers/virtio/*',
  '*/modules/*/kernel/fs/9p/*',
  '*/modules/*/kernel/fs/fscache/*',
  '*/modules/*/kernel/fs/netfs/*',
  '*/modules/*/kernel/fs/overlayfs/*',
  '*/modules/*/kernel/lib/*',
  '*/modules/*/kernel/net/*',
];

export interface System {
  /** "6.1.0-56-amd64" */
  readonly version: string;
  readonly kernelImage: string;
  /** Has lib/modules/VERSION. */
  readonly kernelFolder: string;
  /** To be laid over the machine's root: ipvsadm and its libraries. */
  readonly toolsFolder: string;
}

/** The kept system; downloads it the first time. Throws LabError where that fails. */
export function prepareSystem(say: (text: string) => void): System {
  if (process.arch !== 'x64') {
    throw new LabError(`the emulated machine needs an x86-64 host, this is ${process.arch}`);
  }
  const folder = join(cacheFolder(), `system-${LAYOUT}`);
  if (!existsSync(folder)) download(folder, say);
  return systemIn(folder);
}

function systemIn(folder: string): System {
  const kernelFolder = join(folder, 'kernel');
  const [version] = readdirSync(join(kernelFolder, 'lib', 'modules'));
  return {
    version,
    kernelFolder,
    kernelImage: join(kernelFolder, 'boot', `vmlinuz-${version}`),
    toolsFolder: join(folder, 'tools'),
  };
}

/** Whole or not at all: what is under `folder` was finished. */
function download(folder: string, say: (text: string) => void): void {
  mkdirSync(cacheFolder(), { recursive: true });
  const nascent = mkdtempSync(join(cacheFolder(), 'new-'));
  try {
    const kernel = newestKernel();
    say(`downloading ${kernel} and ipvsadm to ${cacheFolder()}`);
    unpackKernel(fetchPackages(join(nascent, 'packages'), [kernel])[0], join(nascent, 'kernel'));
    for (const file of fetchPackages(join(nascent, 'packages'), IPVSADM)) {
      runCommand('dpkg-deb', ['--extract', file, join(nascent, 'tools')]);
    }
    rmSync(join(nascent, 'packages'), { recursive: true });
    const { version, kernelFolder } = systemIn(nascent);
    runCommand('depmod', ['-b', kernelFolder, version]);
    renameSync(nascent, folder);
  } finally {
    rmSync(nascent, { recursive: true, force: true });
  }
}

function newestKernel(): string {
  const dependency = /Depends: (linux-image-\S+)/;
  const look = () => dependency.exec(runCommand('apt-cache', ['depends', NEWEST_KERNEL]));
  let found = look();
  if (found === null) {
    runCommand('apt-get', ['update', '-q']);
    found = look();
  }
  if (found !== null) return found[1];
  throw new LabError(
    `this system's package sources have no ${NEWEST_KERNEL}: the emulated machine needs Debian's`,
  );
}

/** Downloads Debian packages into a folder of their own; returns their files. */
function fetchPackages(parent: string, names: readonly string[]): string[] {
  const folder = join(parent, names[0]);
  mkdirSync(folder, { recursive: true });
  // As root: the user that apt-get would rather be can't write into our folder.
  const fetch = ['-o', 'APT::Sandbox::User=root', 'download', '-q', ...names];
  try {
    runCommand('apt-get', fetch, { cwd: folder });
  } catch {
    // The lists of packages may be older than what the servers have.
    runCommand('apt-get', ['update', '-q']);
    runCommand('apt-get', fetch, { cwd: folder });
  }
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Only what is needed, and as lib/, where newer packages have usr/lib/. */
function unpackKernel(file: string, folder: string): void {
  mkdirSync(folder);
  const patterns = KEPT.map((pattern) => `./${pattern}`);
  const filter = ['--wildcards', '--transform=s,^\\./usr/lib/,./lib/,', ...patterns];
  const pipe =
    'file=$1; folder=$2; shift 2; dpkg-deb --fsys-tarfile "$file" | tar -x -C "$folder" "$@"';
  runCommand('bash', ['-o', 'pipefail', '-c', pipe, 'unpack', file, folder, ...filter]);
}
