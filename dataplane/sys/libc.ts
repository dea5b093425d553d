/**
 * The C library through koffi: the one file that knows about foreign functions.
 *
 * Calls return what C returns, or -errno where C returns -1; `check` of errors.ts turns that into a SysError
 * where a failure isn't expected. Structures are bytes filled in by the caller (little-endian, as every
 * machine that Node supports under Linux but s390x). A pointer is a bigint address, null, or a typed array,
 * whose memory holds still only during the call: what the kernel keeps must live in mmap'd memory.
 *
 * A call costs about 0.1 microseconds on top of the system call itself.
 */
import { arch } from 'node:process';
import koffi from 'koffi';
import { SysError } from './errors.js';

export type Pointer = bigint | Uint8Array | null;

export const AF_UNIX = 1;
export const AF_PACKET = 17;
export const AF_NETLINK = 16;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;

export const SOL_SOCKET = 1;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_PEERCRED = 17;
export const SO_DOMAIN = 39;
export const SO_ATTACH_FILTER = 26;
export const SO_ATTACH_BPF = 50;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;

export const MSG_PEEK = 0x2;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;

export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
export const MADV_HUGEPAGE = 14;

export const F_SETFD = 2;
export const F_DUPFD_CLOEXEC = 1030;
const WNOHANG = 1;

export const LOCK_EX = 2;
export const LOCK_NB = 4;

const CLOCK_REALTIME = 0;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

// Node itself is linked against the C library, so its own symbols serve, with glibc as with musl.
const libc = koffi.load(null);

type Native = (...args: (Pointer | number)[]) => number;

const native = {
  socket: libc.func('int socket(int, int, int)') as Native,
  bind: libc.func('int bind(int, void *, unsigned int)') as Native,
  connect: libc.func('int connect(int, void *, unsigned int)') as Native,
  setsockopt: libc.func('int setsockopt(int, int, int, void *, unsigned int)') as Native,
  getsockopt: libc.func('int getsockopt(int, int, int, void *, void *)') as Native,
  getsockname: libc.func('int getsockname(int, void *, void *)') as Native,
  ioctl: libc.func('int ioctl(int, unsigned long, void *)') as Native,
  fcntl: libc.func('int fcntl(int, int, long)') as Native,
  flock: libc.func('int flock(int, int)') as Native,
  fallocate: libc.func('int fallocate(int, int, int64_t, int64_t)') as Native,
  close: libc.func('int close(int)') as Native,
  waitpid: libc.func('int waitpid(int, void *, int)') as Native,
  poll: libc.func('int poll(void *, unsigned long, int)') as Native,
  sendto: libc.func('long sendto(int, void *, size_t, int, void *, unsigned int)') as Native,
  sendmsg: libc.func('long sendmsg(int, void *, int)') as Native,
  sendmmsg: libc.func('int sendmmsg(int, void *, unsigned int, int)') as Native,
  recvfrom: libc.func('long recvfrom(int, void *, size_t, int, void *, void *)') as Native,
  recvmsg: libc.func('long recvmsg(int, void *, int)') as Native,
  munmap: libc.func('int munmap(void *, size_t)') as Native,
  madvise: libc.func('int madvise(void *, size_t, int)') as Native,
  capget: libc.func('int capget(void *, void *)') as Native,
  capset: libc.func('int capset(void *, void *)') as Native,
  clockGettime: libc.func('int clock_gettime(int, void *)') as Native,
  prctl: libc.func('int prctl(int, long, long, long, long)') as Native,
  // The C library has no function of its own for this one.
  bpf: libc.func('long syscall(long, int, void *, unsigned int)') as Native,
};
const SYS_BPF = arch === 'arm64' ? 280 : 321;
const nativeExecv = libc.func('int execv(const char *, const char **)') as (
  path: string,
  argv: (string | null)[],
) => number;
const nativeMmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)') as (
  address: bigint | null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint;

// The errno must be fetched before anything else runs.
function orErrno(result: number): number {
  return result < 0 ? -koffi.errno() : result;
}

export function socket(domain: number, type: number, protocol: number): number {
  return orErrno(native.socket(domain, type, protocol));
}

export function bind(fd: number, address: Uint8Array): number {
  return orErrno(native.bind(fd, address, address.length));
}

export function connect(fd: number, address: Uint8Array): number {
  return orErrno(native.connect(fd, address, address.length));
}

export function setsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  return orErrno(native.setsockopt(fd, level, name, value, value.length));
}

export function setsockoptInt(fd: number, level: number, name: number, value: number): number {
  const bytes = new Int32Array([value]);
  return setsockopt(fd, level, name, new Uint8Array(bytes.buffer));
}

/** Fills `value`; returns how many bytes the kernel wrote. */
export function getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  const length = new Uint32Array([value.length]);
  const result = native.getsockopt(fd, level, name, value, new Uint8Array(length.buffer));
  return result < 0 ? orErrno(result) : length[0];
}

/** Fills `address`; returns its length. */
export function getsockname(fd: number, address: Uint8Array): number {
  const length = new Uint32Array([address.length]);
  const result = native.getsockname(fd, address, new Uint8Array(length.buffer));
  return result < 0 ? orErrno(result) : length[0];
}

export function ioctl(fd: number, request: number, argument: Pointer): number {
  return orErrno(native.ioctl(fd, request, argument));
}

export function fcntl(fd: number, command: number, argument: number): number {
  return orErrno(native.fcntl(fd, command, argument));
}

/** The lock goes with the last descriptor of the open file, so at the latest with the process. */
export function flock(fd: number, operation: number): number {
  return orErrno(native.flock(fd, operation));
}

/**
 * Goes on as another program in the same process; returns -errno where that fails, and otherwise not at all.
 * Only descriptors without the close-on-exec flag stay open.
 */
export function execv(path: string, argv: readonly string[]): number {
  return orErrno(nativeExecv(path, [...argv, null]));
}

/** The host's clock, as somebody may set it: nanoseconds since 1970. */
export function realTimeNs(): bigint {
  // struct timespec: seconds 8, nanoseconds 8
  const time = new BigInt64Array(2);
  native.clockGettime(CLOCK_REALTIME, new Uint8Array(time.buffer));
  return time[0] * 1_000_000_000n + time[1];
}

/** Takes note of a child's end, if it has ended; returns its process number then, 0 while it lives. */
export function reap(pid: number): number {
  return orErrno(native.waitpid(pid, null, WNOHANG));
}

/** Gives the first `length` bytes of a file memory (or disk) of their own; what is there already stays. */
export function fallocate(fd: number, length: number): number {
  return orErrno(native.fallocate(fd, 0, 0, length));
}

export function close(fd: number): number {
  return orErrno(native.close(fd));
}

/** `pollfds`: 8 bytes each: int fd, short events, short revents. */
export function poll(pollfds: Pointer, count: number, timeoutMs: number): number {
  return orErrno(native.poll(pollfds, count, timeoutMs));
}

export function sendto(
  fd: number,
  data: Pointer,
  length: number,
  flags: number,
  address: Pointer = null,
  addressLength = 0,
): number {
  return orErrno(native.sendto(fd, data, length, flags, address, addressLength));
}

export function sendmsg(fd: number, message: Pointer, flags: number): number {
  return orErrno(native.sendmsg(fd, message, flags));
}

export function sendmmsg(fd: number, messages: Pointer, count: number, flags: number): number {
  return orErrno(native.sendmmsg(fd, messages, count, flags));
}

export function recvfrom(fd: number, buffer: Pointer, length: number, flags: number): number {
  return orErrno(native.recvfrom(fd, buffer, length, flags, null, null));
}

export function recvmsg(fd: number, message: Pointer, flags: number): number {
  return orErrno(native.recvmsg(fd, message, flags));
}

/** Maps memory and returns its address. Throws SysError. */
export function mmap(
  address: bigint | null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset = 0,
): bigint {
  const mapped = nativeMmap(address, length, protection, flags, fd, offset);
  if (mapped === MAP_FAILED) throw new SysError('mmap', koffi.errno());
  return mapped;
}

export function madvise(address: bigint, length: number, advice: number): number {
  return orErrno(native.madvise(address, length, advice));
}

export function munmap(address: bigint, length: number): number {
  return orErrno(native.munmap(address, length));
}

/** `header`, `data`: struct __user_cap_header_struct and two struct __user_cap_data_struct; see capabilities.ts. */
export function capget(header: Uint8Array, data: Uint8Array): number {
  return orErrno(native.capget(header, data));
}

export function capset(header: Uint8Array, data: Uint8Array): number {
  return orErrno(native.capset(header, data));
}

export function prctl(option: number, argument2 = 0, argument3 = 0): number {
  return orErrno(native.prctl(option, argument2, argument3, 0, 0));
}

/** bpf(2); `attributes` is union bpf_attr. See fastpath/kernel-objects.ts. */
export function bpf(command: number, attributes: Uint8Array): number {
  return orErrno(native.bpf(SYS_BPF, command, attributes, attributes.length));
}

/**
 * Memory at an address as an ordinary ArrayBuffer, as fast as any. Nothing keeps track of its life: touching
 * it after `munmap` ends the process with SIGSEGV, so whoever maps memory drops the views first.
 */
export function viewMemory(address: bigint, length: number): ArrayBuffer {
  return koffi.view(address, length);
}

/** Address of a typed array's first byte, good for memory from `viewMemory` only: the heap's may move. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

/** libuv's poll handle on a descriptor; readable.ts is the way to use it. */
export interface PollHandle {
  /** Starts anew after libuv has stopped because of an error. */
  restart(): void;
  close(): void;
}

/** Calls back when the descriptor has an error, once; polling has stopped then. */
export function pollErrors(fd: number, onError: () => void): PollHandle {
  const handle = koffi.node.poll(fd, { disconnect: true }, onError);
  return {
    restart: () => handle.start({ disconnect: true }, onError),
    close: () => handle.close(),
  };
}

/** `onReady` gets libuv's status: 0, or negative when the descriptor has an error and polling has stopped. */
export function pollReadable(fd: number, onReady: (status: number) => void): PollHandle {
  // The typings leave out the first argument of the callback, the status.
  const callback = onReady as unknown as () => void;
  const handle = koffi.node.poll(fd, { readable: true }, callback);
  return {
    restart: () => handle.start({ readable: true }, callback),
    close: () => handle.close(),
  };
}
