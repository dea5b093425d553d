/**
 * Linux capabilities: the parts of root's power, see capabilities(7).
 *
 * Every set here is that of the calling thread, as the kernel has it: threads that were there before keep what
 * they had, those made later and child processes inherit. So a process that wants to be rid of something begins
 * its program anew (`execv`) after it has given it up.
 *
 *     struct __user_cap_header_struct    version 4, process 4 (0: the calling thread)
 *     struct __user_cap_data_struct      effective 4, permitted 4, inheritable 4; twice: bits 0..31, 32..63
 *
 * Sets are bigints, a bit for each capability.
 */
import { readFileSync } from 'node:fs';
import { check } from './errors.js';
import { capget, capset, prctl } from './libc.js';

/** Bits of linux/capability.h. */
export const CAP_DAC_READ_SEARCH = 1n << 2n;
export const CAP_SETPCAP = 1n << 8n;
export const CAP_NET_ADMIN = 1n << 12n;
export const CAP_NET_RAW = 1n << 13n;
export const CAP_BPF = 1n << 39n;

const VERSION_3 = 0x2008_0522;
const HEADER_BYTES = 8;
const SET_WORDS = 3;
const WORD_BITS = 32n;
const WORD = 0xffff_ffffn;

const PR_CAPBSET_DROP = 24;
const PR_GET_SECUREBITS = 27;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** User 0 gets no capabilities by being user 0, and nobody can change that again. */
const SECBIT_NOROOT_LOCKED = 0b11;

export interface CapabilitySets {
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
}

/** Throws SysError. */
export function readCapabilities(): CapabilitySets {
  const data = new Uint32Array(2 * SET_WORDS);
  check('capget', capget(header(), new Uint8Array(data.buffer)));
  const set = (word: number): bigint =>
    BigInt(data[word]) | (BigInt(data[SET_WORDS + word]) << WORD_BITS);
  return { effective: set(0), permitted: set(1), inheritable: set(2) };
}

/** Takes effect at once. Throws SysError, also where a set would have what `permitted` doesn't have yet. */
export function setCapabilities({ effective, permitted, inheritable }: CapabilitySets): void {
  const sets = [effective, permitted, inheritable];
  const data = Uint32Array.from([
    ...sets.map((set) => Number(set & WORD)),
    ...sets.map((set) => Number(set >> WORD_BITS)),
  ]);
  check('capset', capset(header(), new Uint8Array(data.buffer)));
}

/** This thread has none of these any more. Throws SysError. */
export function giveUp(set: bigint): void {
  const { effective, permitted, inheritable } = readCapabilities();
  setCapabilities({
    effective: effective & ~set,
    permitted: permitted & ~set,
    inheritable: inheritable & ~set,
  });
}

/** What this thread's process and its children can ever have, from the text of a /proc/PID/status. */
export function boundingSet(status = readFileSync('/proc/thread-self/status', 'utf8')): bigint {
  return BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
}

/** Nobody below this thread can have more than `kept` any more. Needs CAP_SETPCAP. Throws SysError. */
export function limitBoundingSet(kept: bigint): void {
  for (let bit = 0, rest = boundingSet() & ~kept; rest !== 0n; bit++, rest >>= 1n) {
    if ((rest & 1n) !== 0n) check('prctl PR_CAPBSET_DROP', prctl(PR_CAPBSET_DROP, bit));
  }
}

/** Being user 0 no longer gives a program any capability. Needs CAP_SETPCAP. Throws SysError. */
export function endRootsPrivilege(): void {
  const present = check('prctl PR_GET_SECUREBITS', prctl(PR_GET_SECUREBITS));
  check('prctl PR_SET_SECUREBITS', prctl(PR_SET_SECUREBITS, present | SECBIT_NOROOT_LOCKED));
}

/** Programs that this thread runs begin with exactly these, where they don't get more as user 0's. */
export function handDown(set: bigint): void {
  setCapabilities({ ...readCapabilities(), inheritable: set });
  check('prctl PR_CAP_AMBIENT', prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL));
  for (let bit = 0, rest = set; rest !== 0n; bit++, rest >>= 1n) {
    if ((rest & 1n) === 0n) continue;
    check('prctl PR_CAP_AMBIENT', prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit));
  }
}

/** No program that this thread runs can have more than it, whatever its file's owner and mode are. */
export function refuseNewPrivileges(): void {
  check('prctl PR_SET_NO_NEW_PRIVS', prctl(PR_SET_NO_NEW_PRIVS, 1));
}

function header(): Uint8Array {
  const words = new Uint32Array(HEADER_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  words[0] = VERSION_3;
  return new Uint8Array(words.buffer);
}
