/**
 * Errors of system calls, told so that the reader knows what to do about them.
 */
import { constants } from 'node:os';

const NAME_BY_ERRNO = new Map<number, string>();
for (const [name, errno] of Object.entries(constants.errno)) NAME_BY_ERRNO.set(errno, name);

const HINTS = new Map<string, string>([
  ['EPERM', 'Run it as root or with CAP_NET_ADMIN and CAP_NET_RAW.'],
  ['EACCES', 'Run it as root or with CAP_NET_ADMIN and CAP_NET_RAW.'],
  ['ENODEV', 'The interface is gone; check its name with "ip link".'],
  ['ENXIO', 'The interface is gone; check its name with "ip link".'],
  ['ENETDOWN', 'The interface is down; set it up with "ip link set NAME up".'],
  ['ENOMEM', 'The kernel has no memory for this; use smaller rings or free some memory.'],
  ['ENOBUFS', 'The kernel has no buffer space; use smaller rings or raise net.core.rmem_max.'],
  ['EMFILE', 'Too many open files; raise "ulimit -n".'],
  ['EAFNOSUPPORT', 'The running kernel is built without this kind of socket.'],
  ['EPROTONOSUPPORT', 'The running kernel is built without this protocol.'],
]);

/** Name of an errno, such as "EPERM"; "errno 4711" where it has none. */
export function errnoName(errno: number): string {
  return NAME_BY_ERRNO.get(errno) ?? `errno ${errno}`;
}

/** A system call failed. `errno` is positive; `hint` says what to do, and is part of the message. */
export class SysError extends Error {
  readonly call: string;
  readonly errno: number;
  readonly code: string;
  readonly hint: string;

  constructor(call: string, errno: number, hint?: string) {
    const code = errnoName(errno);
    const advice = hint ?? HINTS.get(code) ?? '';
    super(`${call} failed: ${code}.${advice === '' ? '' : ` ${advice}`}`);
    this.name = 'SysError';
    this.call = call;
    this.errno = errno;
    this.code = code;
    this.hint = advice;
  }
}

/** Passes the result of a call of libc.ts on, or throws SysError where it is negative (-errno). */
export function check(call: string, result: number, hint?: string): number {
  if (result < 0) throw new SysError(call, -result, hint);
  return result;
}
