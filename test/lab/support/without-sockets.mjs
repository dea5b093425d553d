/**
 * Runs a command on a kernel without a kind of socket: `node without-sockets.mjs DOMAIN[:PROTOCOL] ERRNO COMMAND...`.
 * A seccomp filter refuses to make them, as a kernel does that was built without.
 */
import { spawnSync } from 'node:child_process';
import koffi from 'koffi';

const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
const SECCOMP_RET_ERRNO = 0x0005_0000;
/** Of struct seccomp_data: the system call's number, the lower halves of its arguments. */
const NUMBER = 0;
const DOMAIN = 16;
const PROTOCOL = 32;
const SOCKET_CALL = { x64: 41, arm64: 198 }[process.arch];

const [kind, errno, ...command] = process.argv.slice(2);
const [domain, protocol] = kind.split(':').map(Number);
const load = (offset) => [0x20, 0, 0, offset];
const unlessEqual = (value, skip) => [0x15, 0, skip, value];
const finish = (value) => [0x06, 0, 0, value];
const tests = [
  [NUMBER, SOCKET_CALL],
  [DOMAIN, domain],
  ...(protocol === undefined ? [] : [[PROTOCOL, protocol]]),
];
const program = [
  ...tests.flatMap(([offset, value], i) => [
    load(offset),
    unlessEqual(value, 2 * (tests.length - i) - 1),
  ]),
  finish(SECCOMP_RET_ERRNO | Number(errno)),
  finish(SECCOMP_RET_ALLOW),
];

const bytes = Buffer.alloc(8 * program.length);
for (const [i, [code, ifTrue, ifFalse, k]] of program.entries()) {
  bytes.writeUInt16LE(code, 8 * i);
  bytes.set([ifTrue, ifFalse], 8 * i + 2);
  bytes.writeUInt32LE(k, 8 * i + 4);
}
const libc = koffi.load(null);
const instructions = koffi.alloc('uint8_t', bytes.length);
Buffer.from(koffi.view(instructions, bytes.length)).set(bytes);
const filter = Buffer.alloc(16);
filter.writeUInt16LE(program.length, 0);
filter.writeBigUInt64LE(instructions, 8);
const set = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
const setFilter = libc.func('int prctl(int, unsigned long, void *, unsigned long, unsigned long)');
if (set(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) throw new Error('no_new_privs');
if (setFilter(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) !== 0) throw new Error('seccomp');
const { status } = spawnSync(command[0], command.slice(1), { stdio: 'inherit' });
process.exit(status ?? 1);
