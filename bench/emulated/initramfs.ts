/** What the emulated kernel starts with: enough to reach the host's files, and to lay a writable layer over them. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { findCommand } from '../../lab/needs.js';
import { LabError } from '../../lab/errors.js';
import { runCommand } from './commands.js';
import { filesToLoad } from './modules.js';
import { HOST_TAG, SHARE, SHARE_TAG, START } from './guest.js';
import type { System } from './system.js';

const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
/** What a module's file is unpacked with, by its extension. */
const UNPACKERS: Readonly<Record<string, string>> = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' };

/** Packs it from a folder that is made for it; returns the file. */
export function packInitramfs(system: System, folder: string): string {
  const root = join(folder, 'initramfs');
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(join(root, 'modules'));
  copyFileSync(busybox(), join(root, 'bin', 'busybox'));
  const modules = bootModules(system).map((file) => addModule(file, join(root, 'modules')));
  writeFileSync(join(root, 'init'), initScript(modules));
  chmodSync(join(root, 'init'), 0o755);
  const archive = `${root}.cpio`;
  const pack = 'cd "$1" && find . | cpio --create --format=newc --quiet --file="$2"';
  runCommand('sh', ['-c', pack, 'pack', root, archive]);
  return archive;
}

function busybox(): string {
  const path = findCommand('busybox');
  if (path === null)
    throw new LabError('busybox is not installed; try apt-get install busybox-static');
  return path;
}

/** Files of the modules that the start needs, in the order of loading. */
function bootModules({ kernelFolder, version }: System): string[] {
  const show = ['-d', kernelFolder, '-S', version, '--show-depends'];
  return filesToLoad(MODULES.map((name) => runCommand('modprobe', [...show, name])).join('\n'));
}

/** Puts a module's file there, unpacked; returns its name there. */
function addModule(file: string, folder: string): string {
  const extension = extname(file);
  const unpacker = UNPACKERS[extension];
  if (unpacker === undefined) {
    copyFileSync(file, join(folder, basename(file)));
    return basename(file);
  }
  const name = basename(file, extension);
  runCommand('sh', ['-c', `${unpacker} -dc "$1" > "$2"`, 'unpack', file, join(folder, name)]);
  return name;
}

/** The first program: mounts, and hands over to the script that the share has. */
export function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /lower /layer /newroot
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
${modules.map((name) => `insmod /modules/${name}`).join('\n')}
transport=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $transport,cache=loose,ro ${HOST_TAG} /lower || exec poweroff -f
mount -t tmpfs layer /layer
mkdir -p /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work root /newroot
mount -t tmpfs run /newroot/run
mkdir -p /newroot${SHARE}
mount -t 9p -o $transport,cache=none ${SHARE_TAG} /newroot${SHARE} || exec poweroff -f
for folder in proc sys dev; do mount --move /$folder /newroot/$folder; done
exec switch_root /newroot /bin/bash ${SHARE}/${START}
`;
}
