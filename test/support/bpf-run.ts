/**
 * Runs programs in the kernel on frames of a test's (bpf(2), BPF_PROG_TEST_RUN). It takes CAP_BPF and CAP_NET_ADMIN.
 *
 *     union bpf_attr  program 4, result 4, bytes in 4, bytes out 4, data in 8, data out 8, repeat 4, duration 4,
 *                     context bytes in 4, context bytes out 4, context in 8, context out 8
 */
import { check, SysError } from '../../dataplane/sys/errors.js';
import { SKB_GSO_SIZE } from '../../dataplane/sys/fastpath/context.js';
import { createArray } from '../../dataplane/sys/fastpath/kernel-objects.js';
import {
  bpf,
  close,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  mmap,
  PROT_READ,
  PROT_WRITE,
  viewMemory,
} from '../../dataplane/sys/libc.js';

const BPF_PROG_TEST_RUN = 10;
const ATTRIBUTE_BYTES = 128;
const CONTEXT_BYTES = 192;
const ROOM_BYTES = 1 << 17;
const FRAME_OUT = ROOM_BYTES / 2;
const CONTEXT_AT = ROOM_BYTES - CONTEXT_BYTES;
/** The kernel builds the packet from an Ethernet frame, and a socket filter's data begin behind its header. */
const ETHERNET_HEADER_BYTES = 14;
const REFUSALS = new Set(['EPERM', 'EACCES', 'ENOSYS']);

export interface Run {
  /** What the program has returned, as int32. */
  result: number;
  frame: Buffer;
}

/** Skips the suite, and says so, where this process may not use the kernel's programs. */
export function requireBpf(context: Mocha.Context): void {
  try {
    close(createArray('uvs_test', 8, 1));
  } catch (error) {
    if (!(error instanceof SysError) || !REFUSALS.has(error.code)) throw error;
    process.stdout.write(`      skipped: ${error.message.split('.')[0]}; it takes CAP_BPF\n`);
    context.skip();
  }
}

export class ProgramRunner {
  private readonly address = mmap(
    null,
    ROOM_BYTES,
    PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS,
    -1,
  );
  private readonly room = Buffer.from(viewMemory(this.address, ROOM_BYTES));

  /**
   * Runs a traffic control program (a descriptor). The packet is for this host where its destination MAC address is that of
   * the loopback device, which is all zeros.
   * @param gsoSize payload of each segment of a super-segment, 0 for an ordinary frame
   */
  traffic(program: number, frame: Uint8Array, gsoSize = 0): Run {
    return this.run(program, frame, gsoSize);
  }

  /** Runs a socket filter on a frame as a packet socket sees it; resolves to how many bytes it keeps. */
  filter(program: number, frame: Uint8Array): number {
    const wrapped = Buffer.concat([Buffer.alloc(ETHERNET_HEADER_BYTES), frame]);
    return this.run(program, wrapped, 0).result;
  }

  private run(program: number, frame: Uint8Array, gsoSize: number): Run {
    const { address, room } = this;
    room.set(frame);
    const attributes = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES));
    attributes.setUint32(0, program, true);
    attributes.setUint32(8, frame.length, true);
    attributes.setUint32(12, CONTEXT_AT - FRAME_OUT, true);
    attributes.setBigUint64(16, address, true);
    attributes.setBigUint64(24, address + BigInt(FRAME_OUT), true);
    if (gsoSize !== 0) {
      room.fill(0, CONTEXT_AT);
      room.writeUInt32LE(gsoSize, CONTEXT_AT + SKB_GSO_SIZE);
      attributes.setUint32(40, CONTEXT_BYTES, true);
      attributes.setBigUint64(48, address + BigInt(CONTEXT_AT), true);
    }
    check('bpf BPF_PROG_TEST_RUN', bpf(BPF_PROG_TEST_RUN, new Uint8Array(attributes.buffer)));
    const length = attributes.getUint32(12, true);
    return {
      result: attributes.getInt32(4, true),
      frame: Buffer.from(room.subarray(FRAME_OUT, FRAME_OUT + length)),
    };
  }
}
