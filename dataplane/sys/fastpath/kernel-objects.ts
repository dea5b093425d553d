/**
 * Maps and programs of the kernel's (bpf(2)): made, mapped into memory, attached to a packet socket. Each is a
 * descriptor, and lasts as long as somebody holds it or it is attached. Sources: linux/bpf.h; bpf(2).
 *
 *     union bpf_attr of BPF_MAP_CREATE   type 4, key bytes 4, value bytes 4, entries 4, flags 4, - 8, name 16
 *                    of BPF_PROG_LOAD    type 4, instructions 4, their address 8, license's address 8, log level 4,
 *                                        log bytes 4, log's address 8, - 8, name 16
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { check, SysError } from '../errors.js';
import {
  addressOf,
  bpf,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  mmap,
  munmap,
  PROT_READ,
  PROT_WRITE,
  setsockoptInt,
  SO_ATTACH_BPF,
  SOL_SOCKET,
  viewMemory,
} from '../libc.js';
import { wholePages } from '../memory.js';
import { INSTRUCTION_BYTES } from './assembler.js';

const BPF_MAP_CREATE = 0;
const BPF_PROG_LOAD = 5;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_MMAPABLE = 1 << 10;
const ATTRIBUTE_BYTES = 128;
const NAME_BYTES = 15;
const KEY_BYTES = 4;
const LOG_BYTES = 1 << 20;
const LICENSE = 'MIT\0';

export const SOCKET_FILTER = 1;
export const TRAFFIC_CONTROL = 3;
export type ProgramType = typeof SOCKET_FILTER | typeof TRAFFIC_CONTROL;

/** An array that processes can map into their memory; its descriptor. Throws SysError. */
export function createArray(name: string, valueBytes: number, entries: number): number {
  const attributes = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES));
  attributes.setUint32(0, BPF_MAP_TYPE_ARRAY, true);
  attributes.setUint32(4, KEY_BYTES, true);
  attributes.setUint32(8, valueBytes, true);
  attributes.setUint32(12, entries, true);
  attributes.setUint32(16, BPF_F_MMAPABLE, true);
  writeName(attributes, 28, name);
  const fd = bpf(BPF_MAP_CREATE, new Uint8Array(attributes.buffer));
  const hint = fd === -constants.errno.EPERM ? 'Run it as root or with CAP_BPF.' : undefined;
  return check('bpf BPF_MAP_CREATE', fd, hint);
}

/** How long an array is that another process has made. Throws SysError. */
export function arrayBytes(fd: number): number {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(text)?.[1]);
  return field('value_size') * field('max_entries');
}

/** The words of an array of so many bytes. They are never given back. Throws SysError. */
export function mapArray(fd: number, length: number): Int32Array {
  const bytes = wholePages(length);
  const address = mmap(null, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  return new Int32Array(viewMemory(address, bytes), 0, length / Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Has the kernel check and compile a program; its descriptor. Throws SysError, with the kernel's reasons where it
 * finds the program unsound.
 */
export function loadProgram(name: string, type: ProgramType, program: Uint8Array): number {
  const length = wholePages(program.length + LICENSE.length);
  const address = mmap(null, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  try {
    const bytes = Buffer.from(viewMemory(address, length));
    bytes.set(program);
    bytes.write(LICENSE, program.length);
    const attributes = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES));
    attributes.setUint32(0, type, true);
    attributes.setUint32(4, program.length / INSTRUCTION_BYTES, true);
    attributes.setBigUint64(8, address, true);
    attributes.setBigUint64(16, address + BigInt(program.length), true);
    writeName(attributes, 48, name);
    const fd = bpf(BPF_PROG_LOAD, new Uint8Array(attributes.buffer));
    return fd >= 0 ? fd : explainRefusal(attributes, -fd);
  } finally {
    munmap(address, length);
  }
}

/** In the place of the filter that the socket has, between two frames. Throws SysError. */
export function attachToSocket(socket: number, program: number): void {
  const result = setsockoptInt(socket, SOL_SOCKET, SO_ATTACH_BPF, program);
  check('setsockopt SO_ATTACH_BPF', result);
}

/** Once more, and this time with a log. */
function explainRefusal(attributes: DataView, errno: number): never {
  const address = mmap(null, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  const log = Buffer.from(viewMemory(address, LOG_BYTES));
  attributes.setUint32(24, 1, true);
  attributes.setUint32(28, LOG_BYTES, true);
  attributes.setBigUint64(32, addressOf(log), true);
  bpf(BPF_PROG_LOAD, new Uint8Array(attributes.buffer));
  const text = log.toString('latin1', 0, log.indexOf(0)).trimEnd();
  munmap(address, LOG_BYTES);
  const reasons = text.split('\n').slice(-3).join('; ');
  throw new SysError('bpf BPF_PROG_LOAD', errno, reasons === '' ? undefined : reasons);
}

function writeName(attributes: DataView, offset: number, name: string): void {
  const bytes = new TextEncoder().encode(name).subarray(0, NAME_BYTES);
  for (const [i, byte] of bytes.entries()) attributes.setUint8(offset + i, byte);
}
