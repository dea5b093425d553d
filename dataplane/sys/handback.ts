/**
 * Handing a frame back to the kernel that interception has hidden from it: the frame is sent out of the
 * loopback interface, addressed to it, so the kernel receives it once more, now from `lo`, where no drop rule
 * is. It then goes the ordinary way: to a local socket, to a RST, or on to where it is routed.
 *
 *     iovec 0 -> the frame's virtio-net header      (in the driver's memory, directly before the frame)
 *     iovec 1 -> our own Ethernet header            to lo, from lo, IPv4
 *     iovec 2 -> the rest of the frame              (in the driver's memory)
 *
 * The virtio-net header goes along, so partial checksums and super-segments stay what they are. The frame
 * itself isn't touched.
 *
 * The kernel looks at the frame as one from `lo`, and so do firewall rules that name interfaces. Three settings
 * of `lo` decide about it; `prepareLoopback` sees to them:
 *   - it must be up;
 *   - conf.lo.forwarding must be on, or a server's packet isn't forwarded;
 *   - reverse path filtering must not be strict (1), or the packet is dropped as a forgery. What counts is
 *     the greater of conf.all.rp_filter and conf.lo.rp_filter, and 2, "loose", is greater than "strict".
 */
import { MSG_DONTWAIT, addressOf, close, sendmsg } from './libc.js';
import { AddressSpace, PAGE_BYTES } from './memory.js';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink.js';
import { openSendSocket } from './packet-socket.js';
import { setLinkUp } from './rtnetlink.js';
import { readSysctl, sysctlProblem, type Sysctls } from './sysctl.js';

/** The index of `lo` in every network namespace. */
const LOOPBACK_IFINDEX = 1;
const VNET_HEADER_BYTES = 10;
const ETHERNET_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;

// Layout of our own page, in bytes.
//   struct msghdr: name 8, name length 4 (+4), iovecs 8, iovec count 8, control 8, control length 8, flags 4
//   struct iovec:  base 8, length 8
const MESSAGE_VECTORS = 16;
const MESSAGE_VECTOR_COUNT = 24;
const VNET_VECTOR = 56;
const ETHERNET_VECTOR = 72;
const REST_VECTOR = 88;
const ETHERNET_HEADER = 104;
const VECTOR_LENGTH = 8;

const WORD_SPAN = 0x1_0000_0000;
const RP_FILTER_STRICT = 1;
const RP_FILTER_LOOSE = 2;

/** A socket to hand frames back with. It can be opened by one process and used by another. Throws SysError. */
export function openHandBackSocket(): number {
  return openSendSocket(LOOPBACK_IFINDEX);
}

export class HandBack {
  private readonly space: AddressSpace;
  private readonly words: Int32Array;
  private memory: Uint8Array | null = null;
  private lowAddress = 0;
  private highAddress = 0;

  /** Throws SysError. */
  constructor(private readonly fd = openHandBackSocket()) {
    this.space = new AddressSpace(PAGE_BYTES);
    this.space.placeAnonymous(PAGE_BYTES);
    const { address, bytes } = this.space;
    this.words = new Int32Array(bytes.buffer);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(MESSAGE_VECTORS, address + BigInt(VNET_VECTOR), true);
    view.setUint32(MESSAGE_VECTOR_COUNT, 3, true);
    view.setUint32(VNET_VECTOR + VECTOR_LENGTH, VNET_HEADER_BYTES, true);
    view.setBigUint64(ETHERNET_VECTOR, address + BigInt(ETHERNET_HEADER), true);
    view.setUint32(ETHERNET_VECTOR + VECTOR_LENGTH, ETHERNET_BYTES, true);
    // lo's MAC address is 00:00:00:00:00:00, so both addresses are there already.
    view.setUint16(ETHERNET_HEADER + 12, ETHERTYPE_IPV4);
  }

  /**
   * Gives the kernel the frame at memory[offset], `length` bytes from its Ethernet header on, untagged IPv4;
   * its virtio-net header (10 bytes) is directly before it. `memory` is mmap'd (`viewMemory`, `AddressSpace`).
   * False if the kernel didn't take it.
   */
  send(memory: Uint8Array, offset: number, length: number): boolean {
    if (memory !== this.memory) this.setMemory(memory);
    this.setBase(VNET_VECTOR, offset - VNET_HEADER_BYTES);
    this.setBase(REST_VECTOR, offset + ETHERNET_BYTES);
    this.words[(REST_VECTOR + VECTOR_LENGTH) >> 2] = length - ETHERNET_BYTES;
    return sendmsg(this.fd, this.space.address, MSG_DONTWAIT) >= 0;
  }

  close(): void {
    close(this.fd);
    this.space.close();
  }

  private setMemory(memory: Uint8Array): void {
    const address = addressOf(memory);
    this.memory = memory;
    this.lowAddress = Number(address & 0xffff_ffffn);
    this.highAddress = Number(address >> 32n);
  }

  /** Points an iovec at memory[offset]. */
  private setBase(vector: number, offset: number): void {
    const low = this.lowAddress + offset;
    this.words[vector >> 2] = low;
    this.words[(vector >> 2) + 1] = this.highAddress + (low >= WORD_SPAN ? 1 : 0);
  }
}

/** Makes `lo` fit for handing frames back. Throws where a setting is wrong and can't be changed. */
export function prepareLoopback(sysctls: Sysctls): void {
  const socket = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink');
  try {
    setLinkUp(socket, LOOPBACK_IFINDEX);
  } finally {
    socket.close();
  }
  for (const [name, value] of loopbackSettings()) sysctls.set(name, value);
}

/** Sentences about settings of `lo` that are wrong and couldn't be changed. */
export function loopbackProblems(): string[] {
  return loopbackSettings()
    .map(([name, value]) => sysctlProblem(name, value))
    .filter((problem) => problem !== null);
}

function loopbackSettings(): [name: string, value: string][] {
  const all = Number(readSysctl('net.ipv4.conf.all.rp_filter'));
  const own = Number(readSysctl('net.ipv4.conf.lo.rp_filter'));
  const isStrict = Math.max(all, own) === RP_FILTER_STRICT;
  return [
    ['net.ipv4.conf.lo.forwarding', '1'],
    ...(isStrict
      ? ([['net.ipv4.conf.lo.rp_filter', String(RP_FILTER_LOOSE)]] satisfies [string, string][])
      : []),
  ];
}
