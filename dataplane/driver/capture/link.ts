/**
 * Link layers of captures, made into Ethernet in place where they are something else: the Ethernet header is
 * written in front of the IP packet, over bytes that have been read. A cooked header is longer than
 * Ethernet's, and in front of a raw packet stands the record's own header.
 *
 *     LINUX_SLL    0      2        4        6           14     16
 *                 +------+--------+--------+-----------+------+- - -
 *                 | kind | ARPHRD | length | address   | type | packet
 *                 +------+--------+--------+-----------+------+- - -
 *     LINUX_SLL2   0      2      4         8        10     11       12          20
 *                 +------+------+---------+--------+------+--------+-----------+- - -
 *                 | type |      | ifindex | ARPHRD | kind | length | address   | packet
 *                 +------+------+---------+--------+------+--------+-----------+- - -
 *
 * The MAC addresses are made up but for the sender's, which a cooked header has.
 */
const LINK_ETHERNET = 1;
const LINK_RAW = 101;
const LINK_SLL = 113;
const LINK_SLL2 = 276;

const ETHERNET_BYTES = 14;
const MAC_BYTES = 6;
const SLL_BYTES = 16;
const SLL_KIND_OFFSET = 1;
const SLL_HARDWARE_OFFSET = 2;
const SLL_ADDRESS_OFFSET = 6;
const SLL2_BYTES = 20;
const SLL2_HARDWARE_OFFSET = 8;
const SLL2_KIND_OFFSET = 10;
/** Hardware type (ARPHRD) of the loopback interface. */
const HARDWARE_LOOPBACK = 772;

/** Kinds of a cooked header: who the frame was for. */
const KIND_HOST = 0;
const KIND_BROADCAST = 1;
const KIND_OUTGOING = 4;

export function isSupportedLink(linkType: number): boolean {
  return linkType === LINK_ETHERNET || linkType === LINK_RAW || isCooked(linkType);
}

/** Bytes by which a packet grows (or, negative, shrinks) when it becomes an Ethernet frame. */
export function linkGrowth(linkType: number): number {
  if (linkType === LINK_RAW) return ETHERNET_BYTES;
  return isCooked(linkType) ? ETHERNET_BYTES - linkHeaderBytes(linkType) : 0;
}

/** Least bytes that a packet must have been captured with to become an Ethernet frame. */
export function linkHeaderBytes(linkType: number): number {
  if (linkType === LINK_SLL) return SLL_BYTES;
  if (linkType === LINK_SLL2) return SLL2_BYTES;
  return linkType === LINK_RAW ? 1 : 0;
}

function isCooked(linkType: number): boolean {
  return linkType === LINK_SLL || linkType === LINK_SLL2;
}

/** True for a packet that the capturing host sent itself, as far as its link layer tells. */
export function isOutgoing(memory: Uint8Array, offset: number, linkType: number): boolean {
  if (!isCooked(linkType)) return false;
  const kind = offset + (linkType === LINK_SLL ? SLL_KIND_OFFSET : SLL2_KIND_OFFSET);
  return memory[kind] === KIND_OUTGOING;
}

/** True for a packet of the capturing host's loopback interface, as far as its link layer tells. */
export function isLoopback(memory: Uint8Array, offset: number, linkType: number): boolean {
  if (!isCooked(linkType)) return false;
  const hardware = offset + (linkType === LINK_SLL ? SLL_HARDWARE_OFFSET : SLL2_HARDWARE_OFFSET);
  return ((memory[hardware] << 8) | memory[hardware + 1]) === HARDWARE_LOOPBACK;
}

/**
 * Makes the packet at memory[offset] an Ethernet frame and returns where that begins. The packet must have its
 * link layer's `linkHeaderBytes`, and a raw one 14 bytes in front of it that may be overwritten.
 */
export function toEthernet(memory: Uint8Array, offset: number, linkType: number): number {
  if (linkType === LINK_ETHERNET) return offset;
  if (linkType === LINK_RAW) return rawToEthernet(memory, offset);
  if (linkType === LINK_SLL) return sllToEthernet(memory, offset);
  return sll2ToEthernet(memory, offset);
}

function rawToEthernet(memory: Uint8Array, offset: number): number {
  const frame = offset - ETHERNET_BYTES;
  const isVersion6 = memory[offset] >> 4 === 6;
  memory.fill(0, frame + MAC_BYTES, frame + 2 * MAC_BYTES);
  memory[offset - 2] = isVersion6 ? 0x86 : 0x08;
  memory[offset - 1] = isVersion6 ? 0xdd : 0x00;
  writeReceiver(memory, frame, KIND_HOST);
  return frame;
}

function sllToEthernet(memory: Uint8Array, offset: number): number {
  const kind = memory[offset + SLL_KIND_OFFSET];
  // The type field already is where Ethernet has it; the sender's address moves two bytes.
  const frame = offset + SLL_BYTES - ETHERNET_BYTES;
  const address = offset + SLL_ADDRESS_OFFSET;
  memory.copyWithin(frame + MAC_BYTES, address, address + MAC_BYTES);
  writeReceiver(memory, frame, kind);
  return frame;
}

function sll2ToEthernet(memory: Uint8Array, offset: number): number {
  const kind = memory[offset + SLL2_KIND_OFFSET];
  // The sender's address already is where Ethernet has it; the type moves.
  const frame = offset + SLL2_BYTES - ETHERNET_BYTES;
  memory.copyWithin(offset + SLL2_BYTES - 2, offset, offset + 2);
  writeReceiver(memory, frame, kind);
  return frame;
}

/** Everybody for a broadcast, 02:00:00:00:00:00 plus the kind for others. */
function writeReceiver(memory: Uint8Array, frame: number, kind: number): void {
  memory.fill(kind === KIND_BROADCAST ? 0xff : 0, frame, frame + MAC_BYTES);
  if (kind === KIND_BROADCAST) return;
  memory[frame] = 0x02;
  memory[frame + MAC_BYTES - 1] = kind;
}
