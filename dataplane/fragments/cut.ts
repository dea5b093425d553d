/** Cutting an IPv4 packet into fragments (RFC 791, 3.2; net/ipv4/ip_output.c). */
import type { FrameQueue } from '../frame-queue.js';
import { write16 } from '../wire/bytes.js';
import * as ipv4 from '../wire/ipv4.js';

const OPTION_END = 0;
const OPTION_NO_OPERATION = 1;
const OPTION_COPIED = 0x80;

/**
 * Appends fragments of at most `mtu` bytes to `out`, each behind room for `linkBytes` of link header that the
 * caller fills in. With `pieceCount` > 0 they end where `pieceEnds` says (payload bytes), else all but the last
 * are as large as can be.
 * @returns false where they don't fit into `out`; nothing is appended then
 */
export function cutPacket(
  out: FrameQueue,
  memory: Uint8Array,
  ip: number,
  linkBytes: number,
  mtu: number,
  pieceEnds: Int32Array,
  pieceCount: number,
): boolean {
  const headerBytes = ipv4.headerBytes(memory, ip);
  const payloadBytes = ipv4.totalLength(memory, ip) - headerBytes;
  const evenBytes = (mtu - headerBytes) & ~7;
  if (evenBytes <= 0) return false;
  const pieces = pieceCount > 0 ? pieceCount : Math.ceil(payloadBytes / evenBytes);
  if (!out.hasRoom(pieces, payloadBytes + pieces * (linkBytes + headerBytes))) return false;
  let start = 0;
  for (let piece = 0; piece < pieces; piece++) {
    const evenEnd = start + evenBytes < payloadBytes ? start + evenBytes : payloadBytes;
    const end = pieceCount > 0 ? pieceEnds[piece] : evenEnd;
    const at = out.append(linkBytes + headerBytes + end - start) + linkBytes;
    out.copyIn(memory, ip, at, headerBytes);
    out.copyIn(memory, ip + headerBytes + start, at + headerBytes, end - start);
    writeFragmentHeader(out.memory, at, start, end - start, end < payloadBytes);
    start = end;
  }
  return true;
}

/** Makes the copy of the whole packet's header at `ip` the one of a fragment. */
function writeFragmentHeader(
  memory: Uint8Array,
  ip: number,
  start: number,
  payloadBytes: number,
  hasMore: boolean,
): void {
  const headerBytes = ipv4.headerBytes(memory, ip);
  if (start > 0) blankUncopiedOptions(memory, ip, headerBytes);
  const more = hasMore ? ipv4.FLAG_MORE_FRAGMENTS : 0;
  write16(memory, ip + ipv4.TOTAL_LENGTH, headerBytes + payloadBytes);
  write16(memory, ip + ipv4.FRAGMENT, (ipv4.fragmentField(memory, ip) + (start >> 3)) | more);
  ipv4.updateHeaderChecksum(memory, ip);
}

/** Only the first fragment carries options that are not marked to be copied; the header keeps its length. */
function blankUncopiedOptions(memory: Uint8Array, ip: number, headerBytes: number): void {
  let at = ip + ipv4.IPV4_HEADER_BYTES;
  const end = ip + headerBytes;
  while (at < end && memory[at] !== OPTION_END) {
    const isSingle = memory[at] === OPTION_NO_OPERATION;
    const length = isSingle || at + 1 >= end ? 1 : memory[at + 1];
    if (length < 1 || at + length > end) return;
    if (!isSingle && (memory[at] & OPTION_COPIED) === 0) {
      for (let i = at; i < at + length; i++) memory[i] = OPTION_NO_OPERATION;
    }
    at += length;
  }
}
