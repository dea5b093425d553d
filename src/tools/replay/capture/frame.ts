/**
 * A captured frame, copied out of the reader's window so that the engine can rewrite it. Where the capture cut
 * it off it is filled up with zeros to the length it had: what decides stands in its headers.
 */
import type { CaptureReader } from '../../../../dataplane/driver/capture/reader.js';
import { OFFLOAD_PARTIAL_CHECKSUM } from '../../../../dataplane/offload.js';
import { read16 } from '../../../../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../../../dataplane/wire/checksum.js';
import { ipv4FrameHeaderBytes } from '../../../../dataplane/wire/ethernet.js';
import { isError } from '../../../../dataplane/wire/icmp.js';
import * as ipv4 from '../../../../dataplane/wire/ipv4.js';
import * as tcp from '../../../../dataplane/wire/tcp.js';
import { HeaderView } from '../../../decisions/packet-view.js';

/** An IPv4 packet of the largest length behind an Ethernet header with a tag, and some. */
const FRAME_MAX_BYTES = 66_000;
const VALID_SUM = 0xffff;

export class Frame extends HeaderView {
  readonly memory = new Uint8Array(FRAME_MAX_BYTES);
  /** Its length on the wire, and how much of that was captured. */
  length = 0;
  capturedLength = 0;
  /** Where the IPv4 header starts, 0 where the frame has none that is whole and right. */
  ip = 0;
  /** Where the TCP header starts, 0 where the packet isn't TCP with a whole header, or is a later fragment. */
  segment = 0;
  isFragment = false;
  /** The capture cut off what a decision needs. */
  isCutShort = false;
  /** What checksum offload had left to do when it was captured; as in dataplane/offload.ts. */
  offload = 0;

  /** Takes over the reader's packet. */
  load(reader: CaptureReader): void {
    this.capturedLength = Math.min(reader.length, FRAME_MAX_BYTES);
    this.length = Math.min(Math.max(reader.originalLength, reader.length), FRAME_MAX_BYTES);
    const { memory } = this;
    memory.set(reader.memory.subarray(reader.offset, reader.offset + this.capturedLength));
    memory.fill(0, this.capturedLength, this.length);
    this.ip = this.segment = this.offload = 0;
    this.isFragment = this.isCutShort = false;
    this.look();
  }

  private look(): void {
    const { memory, length, capturedLength } = this;
    const linkBytes = ipv4FrameHeaderBytes(memory, 0, capturedLength);
    if (linkBytes === 0) return;
    const isCut = capturedLength < length;
    const headerEnd = linkBytes + ipv4.headerBytes(memory, linkBytes);
    this.isCutShort =
      isCut && capturedLength < Math.max(headerEnd, linkBytes + ipv4.IPV4_HEADER_BYTES);
    if (this.isCutShort) return;
    if (ipv4.checkHeader(memory, linkBytes, length - linkBytes) !== ipv4.HEADER_OK) return;
    this.ip = linkBytes;
    const fragment = ipv4.fragmentField(memory, this.ip);
    this.isFragment = (fragment & (ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK)) !== 0;
    const protocol = ipv4.protocol(memory, this.ip);
    if (protocol === ipv4.PROTOCOL_ICMP) {
      this.isCutShort = isCut && (capturedLength === headerEnd || isError(memory[headerEnd]));
      return;
    }
    if (protocol !== ipv4.PROTOCOL_TCP || (fragment & ipv4.FRAGMENT_OFFSET_MASK) !== 0) return;
    if (this.ip + ipv4.totalLength(memory, this.ip) < headerEnd + tcp.TCP_HEADER_BYTES) return;
    this.isCutShort = isCut && capturedLength < headerEnd + tcp.TCP_HEADER_BYTES;
    if (this.isCutShort) return;
    this.segment = headerEnd;
    if (!this.isFragment && this.hasPartialChecksum(isCut)) this.offload = OFFLOAD_PARTIAL_CHECKSUM;
  }

  /**
   * True where the TCP checksum still is the pseudo-header's sum: so are packets captured that never left the
   * host. Of one that isn't cut off a right checksum that looks like that by chance is told apart.
   */
  private hasPartialChecksum(isCut: boolean): boolean {
    const { memory, ip, segment } = this;
    const segmentBytes = ip + ipv4.totalLength(memory, ip) - segment;
    const pseudo = tcpPseudoSum(this.source, this.destination, segmentBytes);
    if (read16(memory, tcp.checksumOffset(segment)) !== pseudo) return false;
    return isCut || fold(sumWords(memory, segment, segmentBytes, pseudo)) !== VALID_SUM;
  }
}
