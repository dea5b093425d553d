/**
 * The virtio-net header that PACKET_VNET_HDR puts directly before a frame, in both directions. It carries a
 * sender's wishes through: "finish this checksum", "cut this into segments". Little-endian on every machine
 * that Node supports under Linux but s390x.
 *
 *      0       1          2         4          6            8             10
 *     +-------+----------+---------+----------+------------+-------------+------------------ - -
 *     | flags | gso type | hdr len | gso size | csum start | csum offset | Ethernet header
 *     +-------+----------+---------+----------+------------+-------------+------------------ - -
 *
 * Source: linux/virtio_net.h, struct virtio_net_hdr.
 */
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from './driver.js';

export const VNET_HEADER_BYTES = 10;

const NEEDS_CHECKSUM = 1;
const GSO_NONE = 0;
const GSO_TCPV4 = 1;
const GSO_ECN = 0x80;

const ETHERNET_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const TYPE_OFFSET = 12;
const TCP_DATA_OFFSET = 12;
const TCP_FLAGS_OFFSET = 13;
const TCP_CHECKSUM_OFFSET = 16;
const TCP_CWR = 0x80;

const PARTIAL = OFFLOAD_PARTIAL_CHECKSUM;
const GSO_SHIFT = OFFLOAD_GSO_SHIFT;

/** The header at `header` as the offload word of driver.ts. */
export function readOffload(memory: Uint8Array, header: number): number {
  const partial = (memory[header] & NEEDS_CHECKSUM) === 0 ? 0 : PARTIAL;
  if (memory[header + 1] === GSO_NONE) return partial;
  const segmentBytes = memory[header + 4] | (memory[header + 5] << 8);
  return partial | (segmentBytes << GSO_SHIFT);
}

/**
 * Writes the header of an IPv4 TCP frame that starts at `frame` and is to be sent with `offload`. Other
 * frames must have offload 0, and get a header of zeros.
 */
export function writeVnetHeader(
  memory: Uint8Array,
  header: number,
  frame: number,
  offload: number,
): void {
  for (let i = 0; i < VNET_HEADER_BYTES; i++) memory[header + i] = 0;
  if (offload === 0) return;
  const tagged = memory[frame + TYPE_OFFSET] === 0x81 && memory[frame + TYPE_OFFSET + 1] === 0;
  const ip = frame + ETHERNET_BYTES + (tagged ? VLAN_TAG_BYTES : 0);
  const tcp = ip + ((memory[ip] & 0x0f) << 2);
  if ((offload & PARTIAL) !== 0) {
    memory[header] = NEEDS_CHECKSUM;
    writeLittle16(memory, header + 6, tcp - frame);
    writeLittle16(memory, header + 8, TCP_CHECKSUM_OFFSET);
  }
  const segmentBytes = offload >>> GSO_SHIFT;
  if (segmentBytes === 0) return;
  const isCongestionReported = (memory[tcp + TCP_FLAGS_OFFSET] & TCP_CWR) !== 0;
  memory[header + 1] = isCongestionReported ? GSO_TCPV4 | GSO_ECN : GSO_TCPV4;
  const tcpHeaderBytes = (memory[tcp + TCP_DATA_OFFSET] >> 4) << 2;
  writeLittle16(memory, header + 2, tcp + tcpHeaderBytes - frame);
  writeLittle16(memory, header + 4, segmentBytes);
}

function writeLittle16(memory: Uint8Array, offset: number, value: number): void {
  memory[offset] = value;
  memory[offset + 1] = value >> 8;
}
