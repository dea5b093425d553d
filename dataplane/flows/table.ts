/**
 * The data plane's end of the table of flows (layout.ts): finds places, writes flows, ends them, reads their counters.
 *
 * The kernel reads while this writes. A flow's generation is written last, and cleared first; a place that was
 * given up rests for a while, so that no program is still reading it when another flow moves in.
 */
import { flowHash } from './flow-hash.js';
import * as at from './layout.js';

/** Bits of a report below its slot. */
export const REPORT_FLAGS_BITS = 8;
const { BUCKET_WORDS, FLOW_WORDS, FREE, GENERATION, GENERATION_MAX, TAKEN, WAYS } = at;
const TWO_TO_32 = 0x1_0000_0000;

const NO_ADDRESS = 0;
const ONE_SLOT = 1 << REPORT_FLAGS_BITS;
export const NO_REPORT = -1;

/** No place for a flow. */
export const NO_SLOT = -1;

export class FlowTable {
  readonly buckets: number;
  /** Flows that there is room for. */
  readonly capacity: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  private readonly key: Int32Array;
  private readonly description: number;
  private reportsRead: number;
  private isCatchingUp = true;
  /** What was read ahead: kept where others could see it, so that the reading isn't optimised away. */
  touched = 0;
  /** Since this was last set to false. */
  hasMissedReports = false;

  /**
   * @param words the table's memory, described (layout.ts)
   * @param reports the memory of its reports; their number is a power of two
   * @param pause lets a moment pass, in which packets that are in the programs' hands leave them
   * @throws RangeError where it isn't such a table
   */
  constructor(
    words: Int32Array,
    private readonly reports: Int32Array,
    readonly pause: () => void,
  ) {
    this.words = words;
    this.bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.description = words.length - BUCKET_WORDS;
    this.buckets = words[this.description + at.BUCKETS];
    if (this.buckets * BUCKET_WORDS !== this.description) throw new RangeError('no table of flows');
    this.capacity = this.buckets * WAYS;
    const key = this.description + at.KEY;
    this.key = words.slice(key, key + at.KEY_WORDS);
    const room = reports.length / at.REPORT_WORDS;
    // What an earlier data plane hasn't read is still there.
    this.reportsRead = (words[this.description + at.REPORTS] - room) | 0;
  }

  /**
   * The next report: a slot, shifted, and a packet's TCP flags in the lower eight bits. NO_REPORT where there is none, or
   * none yet. Those that were overwritten before they were read are missing.
   */
  takeReport(): number {
    const { reports } = this;
    const room = reports.length / at.REPORT_WORDS;
    const made = Atomics.load(this.words, this.description + at.REPORTS);
    if (((made - this.reportsRead) | 0) > room) {
      this.reportsRead = (made - room) | 0;
      this.hasMissedReports = true;
    }
    while (this.reportsRead !== made) {
      const place = (this.reportsRead & (room - 1)) * at.REPORT_WORDS;
      const report = reports[place];
      if (report !== 0) {
        reports[place] = 0;
        this.reportsRead = (this.reportsRead + 1) | 0;
        return report - ONE_SLOT;
      }
      // Taken by its program and not written yet; or read by an earlier data plane, whose reports come first.
      if (!this.isCatchingUp) break;
      this.reportsRead = (this.reportsRead + 1) | 0;
    }
    this.isCatchingUp = false;
    return NO_REPORT;
  }

  /** Touches what the next reports are about. */
  lookAhead(count: number): void {
    const { words, reports } = this;
    const room = reports.length / at.REPORT_WORDS;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const slot =
        (reports[((this.reportsRead + i) & (room - 1)) * at.REPORT_WORDS] >>> REPORT_FLAGS_BITS) -
        1;
      if (slot < 0 || slot >= this.capacity) break;
      touched ^= words[this.base(slot) + at.NEW_PORT] ^ words[this.notes(slot)];
    }
    this.touched = touched;
  }

  /** Takes a place for a flow with these ends, as they are in the packet; NO_SLOT where there is none. */
  takePlace(source: number, destination: number, ports: number, now: number): number {
    const { words } = this;
    const first = this.firstSlot(source, destination, ports);
    for (let slot = first; slot < first + WAYS; slot++) {
      const place = this.base(slot) + GENERATION;
      const before = words[place];
      if (!isFree(before, now)) continue;
      if (Atomics.compareExchange(words, place, before, TAKEN) === before) return slot;
    }
    return NO_SLOT;
  }

  /** The slot of the flow with these ends; NO_SLOT where there is none. */
  find(source: number, destination: number, ports: number): number {
    const { words } = this;
    const first = this.firstSlot(source, destination, ports);
    for (let slot = first; slot < first + WAYS; slot++) {
      const base = this.base(slot);
      if (words[base + at.SOURCE] !== source || words[base + at.PORTS] !== ports) continue;
      if (words[base + at.DESTINATION] === destination && this.isLive(slot)) return slot;
    }
    return NO_SLOT;
  }

  /** Where a slot's flow begins in `words`. */
  base(slot: number): number {
    return Math.floor(slot / WAYS) * BUCKET_WORDS + (slot % WAYS) * FLOW_WORDS;
  }

  /** True where there is a flow that hasn't been ended, whether it counts or not. */
  isWritten(slot: number): boolean {
    return this.words[this.base(slot) + GENERATION] > FREE;
  }

  isLive(slot: number): boolean {
    return this.words[this.base(slot) + GENERATION] === this.generation;
  }

  /**
   * Writes all of a flow but its way out, into a place that was taken; it doesn't count yet.
   * @param reportsNext its next packet is to be reported, whatever it is
   */
  write(
    slot: number,
    connection: number,
    source: number,
    destination: number,
    ports: number,
    newAddress: number,
    newPort: number,
    headerDifference: number,
    reportsNext: boolean,
  ): void {
    const { words } = this;
    const base = this.base(slot);
    words[base + at.SOURCE] = source;
    words[base + at.DESTINATION] = destination;
    words[base + at.PORTS] = ports;
    words[base + at.NEW_ADDRESS] = newAddress;
    words[base + at.NEW_PORT] = newPort;
    words[base + at.HEADER_DIFFERENCE] = headerDifference;
    for (let word = at.IFINDEX; word < FLOW_WORDS; word++) words[base + word] = 0;
    const report = (slot + 1) << at.REPORT_SLOT_SHIFT;
    words[base + at.REPORT] = reportsNext ? report | at.REPORT_NEXT : report;
    this.assign(slot, connection);
  }

  /** A flow's word, by its number in layout.ts. */
  word(slot: number, index: number): number {
    return this.words[this.base(slot) + index];
  }

  /** Whose flow it is; nothing of it has been counted. */
  assign(slot: number, connection: number): void {
    const { words } = this;
    const notes = this.notes(slot);
    words[notes + at.NOTE_CONNECTION] = connection;
    words[notes + at.NOTE_PACKETS] = 0;
    words[notes + at.NOTE_BYTES_LOW] = words[notes + at.NOTE_BYTES_HIGH] = 0;
  }

  /** The other direction of a flow that the kernel has made, and that has no connection yet. */
  partnerOf(slot: number): number {
    return this.words[this.notes(slot) + at.NOTE_PARTNER];
  }

  /** @param frameMax length of the longest frame that may leave that way */
  writeWay(slot: number, ifindex: number, frameMax: number): void {
    const base = this.base(slot);
    this.words[base + at.IFINDEX] = ifindex;
    this.words[base + at.FRAME_MAX] = frameMax;
  }

  /** Where in `bytes` a flow has its MAC addresses, the destination's first. */
  macsOffset(slot: number): number {
    return (this.base(slot) + at.MACS) * Int32Array.BYTES_PER_ELEMENT;
  }

  /** Has the flow's next packet reported, whatever it is. */
  reportNext(slot: number): void {
    const report = this.base(slot) + at.REPORT;
    this.words[report] |= at.REPORT_NEXT;
  }

  /** True for a flow of packets from a server. */
  rewritesSource(slot: number): boolean {
    return (this.words[this.base(slot) + at.NEW_PORT] & at.REWRITES_SOURCE) !== 0;
  }

  /** From now on the kernel forwards the flow's packets. */
  begin(slot: number): void {
    Atomics.store(this.words, this.base(slot) + GENERATION, this.generation);
  }

  /** From now on its packets come to the data plane. Nor may it be found before another flow of the same packets. */
  end(slot: number, now: number): void {
    const base = this.base(slot);
    const { words } = this;
    words[base + GENERATION] = at.RESTING | (now & GENERATION_MAX);
    words[base + at.SOURCE] = NO_ADDRESS;
  }

  /** Ends whatever an earlier data plane has left: flows of old, and places that it had taken or that were resting. */
  clear(now: number): void {
    const { words } = this;
    for (let slot = 0; slot < this.capacity; slot++) {
      if (words[this.base(slot) + GENERATION] !== FREE) this.end(slot, now);
    }
  }

  /**
   * No flow counts any more; their places are still to be given up by `end`. They stop being kept from the data plane a
   * moment before they stop being forwarded: no packet is lost in between, some come twice.
   */
  endAll(): void {
    const next = this.generation === GENERATION_MAX ? 1 : this.generation + 1;
    Atomics.store(this.words, this.description + at.SKIP_GENERATION, next);
    this.pause();
    Atomics.store(this.words, this.description + at.FORWARD_GENERATION, next);
  }

  /** The connection that a flow belongs to; a server, negative, for one of the kernel's that has no connection yet. */
  connectionOf(slot: number): number {
    return this.words[this.notes(slot) + at.NOTE_CONNECTION];
  }

  /** Packets that the kernel has forwarded since this was last asked. `takeBytes` is to be called before. */
  takePackets(slot: number): number {
    const { words } = this;
    const packets = words[this.base(slot) + at.PACKETS];
    const notes = this.notes(slot) + at.NOTE_PACKETS;
    const taken = (packets - words[notes]) >>> 0;
    words[notes] = packets;
    return taken;
  }

  /** Bytes of these packets, from their IP headers on. */
  takeBytes(slot: number): number {
    const { words } = this;
    const base = this.base(slot);
    let high = words[base + at.BYTES_HIGH];
    let low = words[base + at.BYTES_LOW];
    // The kernel adds in one piece, which is read here in two.
    if (words[base + at.BYTES_HIGH] !== high) {
      high = words[base + at.BYTES_HIGH];
      low = words[base + at.BYTES_LOW];
    }
    const notes = this.notes(slot);
    const taken =
      ((high - words[notes + at.NOTE_BYTES_HIGH]) | 0) * TWO_TO_32 +
      ((low >>> 0) - (words[notes + at.NOTE_BYTES_LOW] >>> 0));
    words[notes + at.NOTE_BYTES_LOW] = low;
    words[notes + at.NOTE_BYTES_HIGH] = high;
    return taken;
  }

  /** Of flows that count. */
  get generation(): number {
    return this.words[this.description + at.FORWARD_GENERATION];
  }

  /** Its lower bits are the bucket. */
  hash(source: number, destination: number, ports: number): number {
    return flowHash(this.key, source, destination, ports);
  }

  private firstSlot(source: number, destination: number, ports: number): number {
    return (this.hash(source, destination, ports) & (this.buckets - 1)) * WAYS;
  }

  private notes(slot: number): number {
    return Math.floor(slot / WAYS) * BUCKET_WORDS + at.notesOf(slot % WAYS);
  }
}

/** True for a place where nobody's flow is, and none was a moment ago. */
function isFree(generation: number, now: number): boolean {
  if (generation === FREE) return true;
  if (generation >>> at.RESTING_SHIFT !== at.RESTING >>> at.RESTING_SHIFT) return false;
  const rested = (now - generation + at.REST_SLACK_TICKS) & GENERATION_MAX;
  return rested >= at.REST_TICKS + at.REST_SLACK_TICKS;
}
