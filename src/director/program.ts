/** The program that this process runs, begun once more in the same process. */
import { check } from '../../dataplane/sys/errors.js';
import { execv, F_SETFD, fcntl } from '../../dataplane/sys/libc.js';

const STANDARD_STREAMS = [0, 1, 2];

/** What the program was started with, its own name first. */
export function ownArguments(): string[] {
  return [...process.execArgv, ...process.argv.slice(1)];
}

/** Begins anew, as the program that is installed now, with the same arguments and environment. Throws SysError. */
export function beginAnew(): never {
  // Node has all descriptors closed by exec, also the standard ones.
  for (const fd of STANDARD_STREAMS) fcntl(fd, F_SETFD, 0);
  check('execv', execv(process.execPath, [process.execPath, ...ownArguments()]));
  throw new Error('execv returned');
}
