/** A user who owns nothing runs the project's programs, wherever the project lies. */
import { packageRoot } from '../../../src/package.js';

/** "nobody" and "nogroup". */
export const NOBODY = 65_534;

/** Its folder may be one that nobody else may enter, such as root's home: there they find it under /mnt. */
const SCRIPT = 'mount --bind "$0" /mnt && exec setpriv "$@"';

/** The words after `unshare` that run a program of dist/ as nobody; `more` are further options of setpriv. */
export function asNobody(
  program: string,
  args: readonly string[],
  more: readonly string[] = [],
): string[] {
  const user = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', ...more];
  const words = [...user, process.execPath, `/mnt/dist/${program}`, ...args];
  return ['--mount', 'sh', '-c', SCRIPT, packageRoot(), ...words];
}
