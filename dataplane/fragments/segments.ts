/**
 * Cutting a TCP super-segment into segments, as a network card does that offloads it (net/ipv4/tcp_offload.c):
 *
 *     | headers | payload .................................... |      seq = s, id = i, flags = f
 *     | headers | n bytes |                                           s,          i,     f without FIN, PSH
 *               | headers | n bytes |                                 s + n,      i + 1, f without FIN, PSH, CWR
 *                         | headers | the rest |                      s + 2n,     i + 2, f without CWR
 *
 * Each has its own lengths and complete checksums. Whatever the super-segment's TCP checksum was doesn't matter.
 */
import { write16 } from '../wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../wire/checksum.js';
import * as ipv4 from '../wire/ipv4.js';
import * as tcp from '../wire/tcp.js';

const FIRST_ONLY = tcp.CWR;
const LAST_ONLY = tcp.FIN | tcp.PSH;
const WORD = 0xffff;

export class Segmenter {
  private ip = 0;
  private linkBytes = 0;
  private ipBytes = 0;
  private headersBytes = 0;
  private payload = 0;
  private payloadBytes = 0;
  private segmentBytes = 0;
  private sentBytes = 0;
  private index = 0;
  private identification = 0;
  private sequence = 0;
  private flags = 0;

  /**
   * Frames are read from and segments written to this memory.
   */
  constructor(private readonly memory: Uint8Array) {}

  /**
   * Begins with the frame at `offset`, whose whole IPv4 TCP packet with a sound header starts at `ip`.
   * @param segmentBytes payload of a segment, at least 1
   */
  begin(offset: number, ip: number, segmentBytes: number): void {
    const { memory } = this;
    const segment = ip + ipv4.headerBytes(memory, ip);
    this.ip = ip;
    this.linkBytes = ip - offset;
    this.ipBytes = segment - ip;
    this.headersBytes = segment - offset + tcp.headerBytes(memory, segment);
    this.payload = offset + this.headersBytes;
    this.payloadBytes = ip + ipv4.totalLength(memory, ip) - this.payload;
    this.segmentBytes = segmentBytes;
    this.sentBytes = 0;
    this.index = 0;
    this.identification = ipv4.identification(memory, ip);
    this.sequence = tcp.sequence(memory, segment);
    this.flags = tcp.flags(memory, segment);
  }

  /** Writes the next segment's frame to `at`, outside of the super-segment; its length, 0 after the last one. */
  next(at: number): number {
    const { memory, headersBytes, payloadBytes, sentBytes } = this;
    if (sentBytes >= payloadBytes && this.index > 0) return 0;
    const left = payloadBytes - sentBytes;
    const bytes = left < this.segmentBytes ? left : this.segmentBytes;
    const from = this.payload + sentBytes;
    const headers = this.ip - this.linkBytes;
    memory.copyWithin(at, headers, headers + headersBytes);
    memory.copyWithin(at + headersBytes, from, from + bytes);
    this.writeHeaders(at + this.linkBytes, bytes, bytes === left);
    this.sentBytes += bytes;
    this.index += 1;
    return headersBytes + bytes;
  }

  private writeHeaders(ip: number, bytes: number, isLast: boolean): void {
    const { memory, ipBytes } = this;
    const segment = ip + ipBytes;
    const total = this.headersBytes - this.linkBytes + bytes;
    write16(memory, ip + ipv4.TOTAL_LENGTH, total);
    write16(memory, ip + ipv4.IDENTIFICATION, (this.identification + this.index) & WORD);
    ipv4.updateHeaderChecksum(memory, ip);
    let { flags } = this;
    if (this.index > 0) flags &= ~FIRST_ONLY;
    if (!isLast) flags &= ~LAST_ONLY;
    tcp.writeSequence(memory, segment, (this.sequence + this.sentBytes) | 0);
    tcp.writeFlags(memory, segment, flags);
    completeChecksum(memory, ip, segment, total - ipBytes);
  }
}

/** Writes the TCP checksum of a segment of `length` bytes, whatever was in its field before. */
export function completeChecksum(
  memory: Uint8Array,
  ip: number,
  segment: number,
  length: number,
): void {
  const field = tcp.checksumOffset(segment);
  write16(memory, field, 0);
  const pseudo = tcpPseudoSum(ipv4.source(memory, ip), ipv4.destination(memory, ip), length);
  write16(memory, field, ~fold(sumWords(memory, segment, length, pseudo)) & WORD);
}
