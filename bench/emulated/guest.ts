/** What runs in the emulated machine: a script that makes it ready, runs one program, and switches it off. */

/** Names of what the host shares, for QEMU's devices and the guest's mounts. */
export const HOST_TAG = 'host';
export const SHARE_TAG = 'share';
/** Where the guest finds the folder that both write to. */
export const SHARE = '/run/uvs-share';
/** Files in it. */
export const START = 'start.sh';
export const OUTPUT = 'output';
export const STATUS = 'status';

/** Everything takes 20 to 30 times as long as on the host. */
const PATIENCE = 30;
const OPEN_FILES_MAX = 524_288;

export interface GuestOptions {
  readonly version: string;
  /** With lib/modules/VERSION. */
  readonly kernelFolder: string;
  /** What is laid over the root. */
  readonly toolsFolder: string;
  /** Modules to be loaded before the program, with their parameters: ["ip_vs conn_tab_bits=20"]. */
  readonly modules: readonly string[];
  /** Where it is run. */
  readonly folder: string;
  /** What is run there: a program and its arguments. */
  readonly command: readonly string[];
  /** Messages go to a terminal, and may be written over. */
  readonly isTerminal: boolean;
}

/** Process 1 of the machine, in the host's file tree. Standard output goes to a file, messages to the console. */
export function guestScript(options: GuestOptions): string {
  const { version, kernelFolder, toolsFolder, modules, folder, command } = options;
  const messages = options.isTerminal ? '/dev/console' : '>(cat >/dev/console)';
  return `# Process 1 of the emulated machine.
switch_off() { sync; echo o > /proc/sysrq-trigger; sleep infinity 2> /dev/null; }
trap switch_off EXIT
export PATH=${quoted(process.env['PATH'] ?? '/usr/bin:/bin')}:/usr/sbin:/sbin
export HOME=/root UVS_LAB_PATIENCE=${PATIENCE}
ln -s /proc/self/fd /dev/fd
stty -F /dev/console -onlcr
mkdir -p /dev/shm /run/netns ${quoted(`/lib/modules/${version}`)}
mount -t tmpfs shm /dev/shm
mount --bind ${quoted(`${kernelFolder}/lib/modules/${version}`)} ${quoted(`/lib/modules/${version}`)}
tar -C ${quoted(toolsFolder)} -cf - . | tar -C / --keep-directory-symlink -xf -
ulimit -n ${OPEN_FILES_MAX}
ip link set lo up
${modules.map((module) => `modprobe ${module}`).join('\n')}
cd ${quoted(folder)}
${command.map(quoted).join(' ')} > ${SHARE}/${OUTPUT} 2> ${messages}
echo $? > ${SHARE}/${STATUS}
`;
}

/** As one word of a shell's command. */
export function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
