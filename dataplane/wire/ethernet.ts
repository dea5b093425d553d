/**
 * Ethernet II, with at most one VLAN tag:
 *
 *      0            6           12     14                    0            6           12     14    16     18
 *     +------------+-----------+------+------- - -           +------------+-----------+------+-----+------+- -
 *     | dest MAC   | source MAC| type | payload       or     | dest MAC   | source MAC| 8100 | tag | type | payload
 *     +------------+-----------+------+------- - -           +------------+-----------+------+-----+------+- -
 */
import { read16, write16 } from './bytes.js';

export const ETHERNET_HEADER_BYTES = 14;
export const MAC_BYTES = 6;
export const VLAN_TAG_BYTES = 4;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_VLAN = 0x8100;
const TYPE_OFFSET = 12;
const HEADER = ETHERNET_HEADER_BYTES;
const TAGGED_HEADER = ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES;
const IPV4 = ETHERTYPE_IPV4;
const VLAN = ETHERTYPE_VLAN;

/** Length of the Ethernet header of an IPv4 frame, with its VLAN tag if it has one; 0 for any other frame. */
export function ipv4FrameHeaderBytes(memory: Uint8Array, offset: number, length: number): number {
  if (length < HEADER) return 0;
  const type = read16(memory, offset + TYPE_OFFSET);
  if (type === IPV4) return HEADER;
  if (type !== VLAN || length < TAGGED_HEADER) return 0;
  return read16(memory, offset + TYPE_OFFSET + VLAN_TAG_BYTES) === IPV4 ? TAGGED_HEADER : 0;
}

/** Writes the type field of an untagged frame. */
export function writeEthertype(memory: Uint8Array, offset: number, type: number): void {
  write16(memory, offset + TYPE_OFFSET, type);
}
