/**
 * What a frame's sender has left to a network card, found out from the frame alone: libpcap doesn't hand over the
 * kernel's notes about it.
 *
 *     the TCP checksum field holds
 *       the pseudo-header's sum, and isn't right    the checksum is partial
 *       anything else                               it is complete, right or wrong, and stays so
 *
 * A frame whose checksum is partial has not been on a wire: it comes from a virtual network, or GRO has put it
 * together. It may be a super-segment, even a short one, and what its segments were is not to be seen. So the engine
 * is told that its segments are as small as can be, which means that the frame fits wherever it is sent; it is cut
 * when it leaves (segment-sizes.ts). The same goes for a packet that is longer than its network's MTU.
 */
import {
  OFFLOAD_GSO_SHIFT as GSO_SHIFT,
  OFFLOAD_PARTIAL_CHECKSUM as PARTIAL,
} from '../../offload.js';
import { read16 } from '../../wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../wire/checksum.js';
import { ipv4FrameHeaderBytes } from '../../wire/ethernet.js';
import * as ipv4 from '../../wire/ipv4.js';
import * as tcp from '../../wire/tcp.js';

const FRAGMENTED = ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK;
const SEGMENTED = 1 << GSO_SHIFT;
const VALID = 0xffff;

/** The offset of the IPv4 header of a frame that is a whole TCP packet, fit to be looked into; -1 for others. */
export function wholeTcpPacket(memory: Uint8Array, offset: number, length: number): number {
  const linkBytes = ipv4FrameHeaderBytes(memory, offset, length);
  const ip = offset + linkBytes;
  if (linkBytes === 0 || length < linkBytes + ipv4.IPV4_HEADER_BYTES) return -1;
  const headerBytes = ipv4.headerBytes(memory, ip);
  const total = ipv4.totalLength(memory, ip);
  const isSound =
    memory[ip] >> 4 === 4 && headerBytes >= ipv4.IPV4_HEADER_BYTES && linkBytes + total <= length;
  if (!isSound || ipv4.protocol(memory, ip) !== ipv4.PROTOCOL_TCP) return -1;
  if ((ipv4.fragmentField(memory, ip) & FRAGMENTED) !== 0) return -1;
  if (total < headerBytes + tcp.TCP_HEADER_BYTES) return -1;
  const tcpBytes = tcp.headerBytes(memory, ip + headerBytes);
  return tcpBytes >= tcp.TCP_HEADER_BYTES && headerBytes + tcpBytes <= total ? ip : -1;
}

/**
 * The offload word (dataplane/offload.ts) of a whole TCP packet.
 * @param mtu of the network it comes from
 */
export function recognizeOffload(memory: Uint8Array, ip: number, mtu: number): number {
  const headerBytes = ipv4.headerBytes(memory, ip);
  const segment = ip + headerBytes;
  const total = ipv4.totalLength(memory, ip);
  const length = total - headerBytes;
  const pseudo = tcpPseudoSum(ipv4.source(memory, ip), ipv4.destination(memory, ip), length);
  const looksPartial = read16(memory, tcp.checksumOffset(segment)) === pseudo;
  const isLong = total > mtu;
  if (!looksPartial && !isLong) return 0;
  // One complete checksum in 65 536 is the pseudo-header's sum, too.
  const isValid = fold(sumWords(memory, segment, length, pseudo)) === VALID;
  const hasPayload = length > tcp.headerBytes(memory, segment);
  if (looksPartial && !isValid) return hasPayload ? PARTIAL | SEGMENTED : PARTIAL;
  return isLong && isValid && hasPayload ? SEGMENTED : 0;
}
