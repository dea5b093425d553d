/**
 * Putting IPv4 fragments together (RFC 791; net/ipv4/ip_fragment.c for what is refused).
 *
 *     datagram d:  | room | header of the first fragment | payload: fragments at their offsets ...        |
 *                  ^ d * SLOT_BYTES                      ^ + PAYLOAD_AT
 *
 * Fragments may come in any order. A fragment that comes again is ignored; one that overlaps another in part,
 * or contradicts the length, has the whole datagram forgotten, since nobody honest sends such. So many
 * datagrams at a time, so many fragments each, so much time: whatever is beyond is refused. The oldest
 * datagram makes room for a new one.
 */
import { ticksUntil, TICKS_PER_SECOND } from '../clock.js';
import * as ipv4 from '../wire/ipv4.js';
import { write16 } from '../wire/bytes.js';

/** `add`'s answers besides the offset of a complete packet. */
export const INCOMPLETE = 0;
export const NONSENSE = -1;

const DATAGRAMS = 64;
const FRAGMENTS_MAX = 64;
const TIME_TICKS = 30 * TICKS_PER_SECOND;
const PACKET_MAX = 65_535;
const HEADER_MAX = 60;
/** Room for an Ethernet header with a VLAN tag before the packet. */
const ETHERNET_ROOM = 18;
const PAYLOAD_AT = ETHERNET_ROOM + HEADER_MAX;
const SLOT_BYTES = PAYLOAD_AT + PACKET_MAX + 1;
const UNKNOWN = -1;
/**
 * Linux sends a packet on in the pieces it came in, unless it merged the first ones: it does so with a second
 * piece that fits into the slack of the first one's buffer, which is about this large.
 */
const SLACK_BYTES = 100;

export class Reassembly {
  /** Where reassembled packets are: `add` answers with an offset into it. */
  readonly memory = new Uint8Array(DATAGRAMS * SLOT_BYTES);
  /** Of the packet reassembled last: total length of its largest fragment. */
  largestFragment = 0;

  /**
   * Where the pieces ended that the packet reassembled last is to be sent on in, in payload bytes; none where it
   * is to be cut evenly.
   */
  readonly pieceEnds = new Int32Array(FRAGMENTS_MAX);
  pieceCount = 0;

  /** Packets that there is room for at a time. */
  readonly capacity = DATAGRAMS;
  /** Fragments that were kept in vain, since that was last asked. */
  private discarded = 0;

  private readonly inUse = new Uint8Array(DATAGRAMS);
  private readonly source = new Int32Array(DATAGRAMS);
  private readonly destination = new Int32Array(DATAGRAMS);
  /** Identification and protocol. */
  private readonly identity = new Int32Array(DATAGRAMS);
  private readonly deadline = new Int32Array(DATAGRAMS);
  /** Payload bytes there are, and how many there will be (UNKNOWN before the last fragment). */
  private readonly received = new Int32Array(DATAGRAMS);
  private readonly expected = new Int32Array(DATAGRAMS);
  private readonly headerBytes = new Int32Array(DATAGRAMS);
  /** Total length of the largest fragment, and of the largest that must not be fragmented. */
  private readonly largest = new Int32Array(DATAGRAMS);
  private readonly largestUnfragmentable = new Int32Array(DATAGRAMS);
  private readonly fragments = new Int32Array(DATAGRAMS);
  private readonly start = new Int32Array(DATAGRAMS * FRAGMENTS_MAX);
  private readonly end = new Int32Array(DATAGRAMS * FRAGMENTS_MAX);

  /**
   * Takes in a fragment whose IP header at `ip` has been checked.
   * @returns offset of the whole packet's IP header in `memory`, good until the next call; INCOMPLETE; NONSENSE
   */
  add(memory: Uint8Array, ip: number, now: number): number {
    const field = ipv4.fragmentField(memory, ip);
    const headerBytes = ipv4.headerBytes(memory, ip);
    const hasMore = (field & ipv4.FLAG_MORE_FRAGMENTS) !== 0;
    const start = (field & ipv4.FRAGMENT_OFFSET_MASK) << 3;
    let payloadBytes = ipv4.totalLength(memory, ip) - headerBytes;
    // All but the last fragment end at a multiple of eight.
    if (hasMore) payloadBytes &= ~7;
    const end = start + payloadBytes;
    const d = this.datagramOf(memory, ip, now);
    if (payloadBytes === 0 || end + HEADER_MAX > PACKET_MAX) return this.forget(d);
    const verdict = this.place(d, start, end, hasMore);
    if (verdict !== 0) return verdict < 0 ? this.forget(d) : INCOMPLETE;

    const base = d * SLOT_BYTES;
    this.copy(memory, ip + headerBytes, base + PAYLOAD_AT + start, payloadBytes);
    if (start === 0) {
      this.headerBytes[d] = headerBytes;
      this.copy(memory, ip, base + PAYLOAD_AT - headerBytes, headerBytes);
    }
    const total = headerBytes + payloadBytes;
    if (total > this.largest[d]) this.largest[d] = total;
    if ((field & ipv4.FLAG_DONT_FRAGMENT) !== 0 && total > this.largestUnfragmentable[d]) {
      this.largestUnfragmentable[d] = total;
    }
    return this.received[d] === this.expected[d] ? this.complete(d) : INCOMPLETE;
  }

  /** Number of fragments that were given up since the last call, to be counted as dropped. */
  takeDiscarded(): number {
    const { discarded } = this;
    this.discarded = 0;
    return discarded;
  }

  /** Number of datagrams that wait for fragments. */
  get pending(): number {
    let count = 0;
    for (let d = 0; d < DATAGRAMS; d++) count += this.inUse[d];
    return count;
  }

  /** The slot of the fragment's datagram; for a new one a free slot or the oldest. */
  private datagramOf(memory: Uint8Array, ip: number, now: number): number {
    const source = ipv4.source(memory, ip);
    const destination = ipv4.destination(memory, ip);
    const identity = (ipv4.identification(memory, ip) << 8) | ipv4.protocol(memory, ip);
    let oldest = 0;
    for (let d = 0; d < DATAGRAMS; d++) {
      if (this.inUse[d] === 1 && ticksUntil(this.deadline[d], now) <= 0) this.giveUp(d);
      if (
        this.inUse[d] === 1 &&
        this.source[d] === source &&
        this.destination[d] === destination &&
        this.identity[d] === identity
      ) {
        return d;
      }
      if (this.inUse[oldest] === 1 && this.isOlder(d, oldest)) oldest = d;
    }
    if (this.inUse[oldest] === 1) this.giveUp(oldest);
    this.inUse[oldest] = 1;
    this.source[oldest] = source;
    this.destination[oldest] = destination;
    this.identity[oldest] = identity;
    this.deadline[oldest] = (now + TIME_TICKS) | 0;
    this.received[oldest] = 0;
    this.expected[oldest] = UNKNOWN;
    this.largest[oldest] = this.largestUnfragmentable[oldest] = 0;
    this.fragments[oldest] = 0;
    return oldest;
  }

  private isOlder(d: number, other: number): boolean {
    return this.inUse[d] === 0 || ((this.deadline[d] - this.deadline[other]) | 0) < 0;
  }

  /** Notes a fragment's place. @returns 0 for a new one, 1 for one that came before, -1 for nonsense */
  private place(d: number, start: number, end: number, hasMore: boolean): number {
    const first = d * FRAGMENTS_MAX;
    const count = this.fragments[d];
    for (let i = first; i < first + count; i++) {
      if (this.start[i] === start && this.end[i] === end) return 1;
      if (start < this.end[i] && this.start[i] < end) return -1;
    }
    const expected = this.expected[d];
    if (count === FRAGMENTS_MAX || (expected !== UNKNOWN && (end > expected || !hasMore))) {
      return -1;
    }
    if (!hasMore) {
      for (let i = first; i < first + count; i++) if (this.end[i] > end) return -1;
      this.expected[d] = end;
    }
    this.start[first + count] = start;
    this.end[first + count] = end;
    this.fragments[d] = count + 1;
    this.received[d] += end - start;
    return 0;
  }

  private complete(d: number): number {
    this.inUse[d] = 0;
    const headerBytes = this.headerBytes[d];
    const ip = d * SLOT_BYTES + PAYLOAD_AT - headerBytes;
    const keepsWhole = this.largestUnfragmentable[d] === this.largest[d];
    this.largestFragment = this.largest[d];
    write16(this.memory, ip + ipv4.TOTAL_LENGTH, headerBytes + this.expected[d]);
    write16(this.memory, ip + ipv4.FRAGMENT, keepsWhole ? ipv4.FLAG_DONT_FRAGMENT : 0);
    ipv4.updateHeaderChecksum(this.memory, ip);
    this.sortPieces(d);
    return ip;
  }

  private sortPieces(d: number): void {
    const first = d * FRAGMENTS_MAX;
    const count = this.fragments[d];
    const ends = this.pieceEnds;
    for (let i = 0; i < count; i++) {
      const end = this.end[first + i];
      let at = i;
      for (; at > 0 && ends[at - 1] > end; at--) ends[at] = ends[at - 1];
      ends[at] = end;
    }
    this.pieceCount = count > 1 && ends[1] - ends[0] > SLACK_BYTES ? count : 0;
  }

  private forget(d: number): number {
    this.giveUp(d);
    return NONSENSE;
  }

  private giveUp(d: number): void {
    this.inUse[d] = 0;
    this.discarded += this.fragments[d];
  }

  private copy(memory: Uint8Array, from: number, to: number, length: number): void {
    const own = this.memory;
    for (let i = 0; i < length; i++) own[to + i] = memory[from + i];
  }
}
