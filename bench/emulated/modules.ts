/** Kernel modules: which files are to be loaded, in which order. */

/**
 * Reads what `modprobe --show-depends` says, for one module or for several one after the other:
 *
 *     builtin af_packet
 *     insmod /lib/modules/6.1.0/kernel/net/802/stp.ko
 *     insmod /lib/modules/6.1.0/kernel/net/bridge/bridge.ko
 *
 * @returns the files, each once, and none before one that it needs
 */
export function filesToLoad(output: string): string[] {
  const files = output.split('\n').flatMap((line) => {
    const [word, file] = line.trim().split(/\s+/);
    return word === 'insmod' && file !== undefined ? [file] : [];
  });
  return [...new Set(files)];
}
