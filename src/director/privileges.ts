/**
 * The director keeps two or three of root's powers, and its data plane one.
 *
 *     CAP_NET_ADMIN   both: interception, kernel settings, asking for neighbours
 *     CAP_NET_RAW     the director: it opens all packet sockets, and the data plane inherits them
 *     CAP_BPF         the director, where the kernel is to forward connections by itself (--fast-path)
 *
 * A process can only give up what its calling thread has, and Node has threads of its own before the first line
 * of a program runs. So a director that was started with more begins its program anew with less: the same
 * process number, arguments, environment and open files.
 *
 * Without root's power over files user 0 can read and write what belongs to root or what everybody may, no more.
 * Only where the program's own files need that power, as in the home of the user who built it, is reading kept.
 */
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  CAP_BPF,
  CAP_DAC_READ_SEARCH,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SETPCAP,
  endRootsPrivilege,
  handDown,
  limitBoundingSet,
  readCapabilities,
  refuseNewPrivileges,
  setCapabilities,
} from '../../dataplane/sys/capabilities.js';
import type { Log } from './log.js';
import { beginAnew } from './program.js';

const NEEDED = CAP_NET_ADMIN | CAP_NET_RAW;

/**
 * Gives up every power that the director doesn't need. Doesn't return where that takes a new beginning; then it
 * is to be called once more. Throws SysError.
 */
export function keepLeastPrivileges(log: Log, hasFastPath = false): void {
  const { permitted } = readCapabilities();
  const needed = hasFastPath ? NEEDED | CAP_BPF : NEEDED;
  const kept =
    permitted & (isProgramReadableWithout(permitted) ? needed : needed | CAP_DAC_READ_SEARCH);
  if (permitted !== kept) beginAnewWith(kept, permitted);
  refuseNewPrivileges();
  handDown(kept);
  if ((kept & CAP_DAC_READ_SEARCH) === 0n) return;
  log.warn('uvsd keeps the power to read all files: only its owner may read the program itself', {
    program: process.argv[1],
    remedy: 'install it for everybody, as with `npm install --global`',
  });
}

/** Runs `start`, and programs that it starts have all of this process' powers but CAP_NET_RAW. */
export function withoutRawSockets<T>(start: () => T): T {
  const { permitted } = readCapabilities();
  handDown(permitted & ~(CAP_NET_RAW | CAP_BPF));
  try {
    return start();
  } finally {
    handDown(permitted);
  }
}

function isProgramReadableWithout(permitted: bigint): boolean {
  const present = readCapabilities();
  setCapabilities({ ...present, effective: permitted & NEEDED });
  try {
    return [process.argv[1], fileURLToPath(import.meta.url)].every(isReadable);
  } finally {
    setCapabilities(present);
  }
}

function isReadable(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}

function beginAnewWith(kept: bigint, permitted: bigint): never {
  if ((permitted & CAP_SETPCAP) !== 0n) {
    limitBoundingSet(kept);
    endRootsPrivilege();
  }
  setCapabilities({ effective: kept, permitted: kept, inheritable: kept });
  handDown(kept);
  refuseNewPrivileges();
  beginAnew();
}
