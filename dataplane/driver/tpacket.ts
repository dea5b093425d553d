/**
 * AF_PACKET sockets and their memory-mapped receive rings (TPACKET_V2). A slot of a ring:
 *
 *      0                32            52           66          76            90
 *     +----------------+-------------+------------+-----------+-------------+-------------- - -
 *     | tpacket2_hdr   | sockaddr_ll | (padding)  | virtio-net| Ethernet    | packet
 *     +----------------+-------------+------------+-----------+-------------+-------------- - -
 *                                                              ^ `macOffset` says where
 *
 *     tpacket2_hdr: status 4, wire length 4, captured length 4, mac offset 2, net offset 2, seconds 4,
 *     nanoseconds 4, vlan tci 2, vlan tpid 2, padding 4
 *
 * The virtio-net header comes directly before the frame, so both can be sent as they stand in the slot.
 * Source: linux/if_packet.h; Documentation/networking/packet_mmap.rst.
 */
import { assemble, instructionCount, keep } from '../sys/bpf.js';
import { check } from '../sys/errors.js';
import { SOL_SOCKET, SO_ATTACH_FILTER, close, getsockopt, setsockopt } from '../sys/libc.js';
import { AddressSpace } from '../sys/memory.js';
import {
  SOL_PACKET,
  bindToInterface,
  openPacketSocket,
  setPacketOption,
} from '../sys/packet-socket.js';

/** Offsets into a slot, in 32-bit words and in bytes. */
export const STATUS_WORD = 0;
export const WIRE_LENGTH_WORD = 1;
export const CAPTURED_LENGTH_WORD = 2;
/** The MAC header's offset is the lower half of this word. */
export const MAC_OFFSET_WORD = 3;
export const SECONDS_WORD = 4;
export const NANOSECONDS_WORD = 5;
export const PACKET_TYPE_OFFSET = 32 + 10;

/** Slot status: the frame is ours; 0 while it is the kernel's. */
export const STATUS_USER = 1;
/** The frame has a VLAN tag, which the kernel keeps beside it. */
export const STATUS_VLAN = 1 << 4;

/** sockaddr_ll's packet type: addressed to this host. Others are broadcasts, and other hosts' frames. */
export const PACKET_HOST = 0;

const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_FANOUT = 18;
const PACKET_FANOUT_DATA = 22;
const FANOUT_PROGRAM = 6;
const FANOUT_UNIQUE_ID = 0x2000;
const PACKET_IGNORE_OUTGOING = 23;
const TPACKET_V2 = 1;
const ETH_P_ALL = 3;

export interface RingGeometry {
  /** A multiple of the slots in a block. */
  slots: number;
  /** A multiple of 16. */
  slotBytes: number;
  /** What the kernel allocates in one piece: a multiple of the page size and of `slotBytes`. */
  blockBytes: number;
}

export function ringBytes(geometry: RingGeometry): number {
  return geometry.slots * geometry.slotBytes;
}

/**
 * A socket whose ring is ready, but that doesn't receive yet: filters come first, then `startReceiving`.
 * Throws SysError.
 */
export function openReceiveSocket(geometry: RingGeometry): number {
  const fd = openPacketSocket();
  try {
    setPacketOption(fd, PACKET_VERSION, TPACKET_V2);
    setPacketOption(fd, PACKET_IGNORE_OUTGOING, 1);
    const { slots, slotBytes, blockBytes } = geometry;
    // struct tpacket_req: block size, blocks, frame size, frames
    const blocks = ringBytes(geometry) / blockBytes;
    const request = new Uint32Array([blockBytes, blocks, slotBytes, slots]);
    const result = setsockopt(fd, SOL_PACKET, PACKET_RX_RING, new Uint8Array(request.buffer));
    check('setsockopt PACKET_RX_RING', result);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Has the socket receive all frames that come in by the interface. Throws SysError. */
export function startReceiving(fd: number, ifindex: number): void {
  // Only a socket for all protocols gets frames before the interception's drop rule.
  bindToInterface(fd, ifindex, ETH_P_ALL);
}

/**
 * Puts a filter in the place of the socket's filter, between two frames. Throws SysError.
 * @param program classic BPF instructions, 8 bytes each (struct sock_filter)
 */
export function attachFilter(fd: number, program: Uint8Array): void {
  check('setsockopt SO_ATTACH_FILTER', attach(fd, SOL_SOCKET, SO_ATTACH_FILTER, program));
}

/**
 * Makes two receiving sockets of the same interface one receiver, of which `chooseReceiver` chooses the socket that
 * gets the frames. The first one does at the beginning. Throws SysError.
 */
export function joinReceivers(first: number, second: number): void {
  const kind = (FANOUT_PROGRAM | FANOUT_UNIQUE_ID) << 16;
  setPacketOption(first, PACKET_FANOUT, kind);
  const group = new Uint32Array(1);
  check('getsockopt PACKET_FANOUT', getsockopt(first, SOL_PACKET, PACKET_FANOUT, bytesOf(group)));
  setPacketOption(second, PACKET_FANOUT, (FANOUT_PROGRAM << 16) | (group[0] & 0xffff));
}

/** From now on the socket that joined as number `index` gets the frames, between two of them. Throws SysError. */
export function chooseReceiver(fd: number, index: number): void {
  const result = attach(fd, SOL_PACKET, PACKET_FANOUT_DATA, assemble([keep(index)]));
  check('setsockopt PACKET_FANOUT_DATA', result);
}

/** Hands a socket option a program (struct sock_fprog); 0 or -errno. */
function attach(fd: number, level: number, option: number, program: Uint8Array): number {
  // The kernel copies the program, but follows a pointer to it, so it mustn't lie on the heap, which moves.
  const space = new AddressSpace(program.length);
  try {
    space.placeAnonymous(program.length);
    space.bytes.set(program);
    // struct sock_fprog: instructions 2 (padded to 8), pointer 8
    const instructions = BigInt(instructionCount(program));
    return setsockopt(
      fd,
      level,
      option,
      bytesOf(new BigUint64Array([instructions, space.address])),
    );
  } finally {
    space.close();
  }
}

function bytesOf(words: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(words.buffer);
}

/** Frames the ring had no room for since the last call; 0 where the socket can't tell. */
export function takeRingDrops(fd: number): number {
  // struct tpacket_stats: packets, drops; reading clears them
  const counters = new Uint32Array(2);
  const result = getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, new Uint8Array(counters.buffer));
  return result < 0 ? 0 : counters[1];
}
