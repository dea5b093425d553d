/**
 * The defence against overload (ip_vs_ctl.c, update_defense_level; ip_vs_conn.c, ip_vs_random_dropentry). What
 * is defended is the connection table's own memory: with less of it free than `amemthresh` pages the
 * automatic modes come into effect.
 *
 * A flood of SYNs is met before it fills the table (drop_first_syn, not one of ip_vs's; see conn/first-syn.ts): the
 * automatic mode comes into effect as soon as there are too many half-open connections, and ends when hardly
 * any SYN stays without its repetition. What a flood has left half open meanwhile counts no more, but some more
 * of it bring the defence back.
 *
 * | drop_entry, drop_packet, secure_tcp, drop_first_syn | |
 * |---|---|
 * | 0 | off |
 * | 1 | automatic, not in effect now; becomes 2 when memory is short |
 * | 2 | automatic, in effect; becomes 1 when memory is there again |
 * | 3 | always in effect |
 */
import * as rec from '../conn/record.js';
import { CHAIN_MAX } from '../conn/table.js';
import { ESTABLISHED, SYN_RECV, SYNACK } from '../conn/states.js';
import { TICKS_PER_SECOND, ticksUntil } from '../clock.js';
import { pagesOf } from '../settings.js';
import type { State } from '../state.js';
import type { Lifecycle } from './connections.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const LOOK_TICKS = TICKS_PER_SECOND;
/** Part of the table that drop_entry looks at in a second. */
const ENTRY_SHIFT = 5;
/** A connection that was refreshed within this time is left alone. */
const QUIET_TICKS = 60 * TICKS_PER_SECOND;
/** Half-open connections that make a flood: this part of the table, and at least so many. */
const FLOOD_SHIFT = 5;
const FLOOD_MIN = 8192;
/** Parts of these: how many more make another flood; how many unrepeated SYNs in a second are the end of one. */
const AGAIN_SHIFT = 2;
const END_SHIFT = 6;
/** Connections with more packets than this are left alone; of those with i packets every i-th goes. */
const FEW_PACKETS = 8;

const AUTOMATIC_OFF = 1;
const AUTOMATIC_ON = 2;
const ALWAYS = 3;

export class Defence {
  private nextLook: number;
  /** One in so many new connections is dropped; 0 for none. */
  private dropRate = 0;
  private dropCounter = 0;
  private dropsEntries = false;
  private readonly floodLimit: number;
  /** Half-open connections from which on there is a flood: the limit, or more after a flood. */
  private floodMark: number;
  /** First SYNs dropped since the last look, less the repetitions let in. */
  private unrepeatedSyns = 0;
  /** Buckets that this second's round still looks at. */
  private bucketsLeft = 0;
  private readonly entryCounters = new Int32Array(FEW_PACKETS + 1);
  private random: number;

  /** @param seed any int32: which buckets are looked at follows from it */
  constructor(
    private readonly state: State,
    private readonly lifecycle: Lifecycle,
    seed: number,
    now: number,
  ) {
    this.random = seed | 1;
    this.nextLook = (now + LOOK_TICKS) | 0;
    const { capacity } = state.connections;
    this.floodLimit = this.floodMark = Math.max(capacity >> FLOOD_SHIFT, FLOOD_MIN);
  }

  /** True for a SYN that would begin a connection and is to be dropped, since its sender may not exist. */
  dropsFirstSyn(
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    now: number,
  ): boolean {
    const { settings, firstSyns } = this.state;
    if (settings.dropFirstSyn < AUTOMATIC_ON) {
      if (settings.dropFirstSyn === 0 || this.lifecycle.halfOpen < this.floodMark) return false;
      settings.dropFirstSyn = AUTOMATIC_ON;
    }
    const isRepeated = firstSyns.isRepeated(client, clientPort, virtual, virtualPort, now);
    this.unrepeatedSyns += isRepeated ? -1 : 1;
    return !isRepeated;
  }

  /** True for a packet that would begin a connection and is to be dropped instead. */
  dropsPacket(): boolean {
    if (this.dropRate === 0) return false;
    this.dropCounter--;
    if (this.dropCounter > 0) return false;
    this.dropCounter = this.dropRate;
    return true;
  }

  /** Once a second looks how things stand, and thins out connections. @returns what is left of the budget */
  advance(now: number, budget: number): number {
    if (ticksUntil(this.nextLook, now) <= 0) {
      this.nextLook = (now + LOOK_TICKS) | 0;
      this.update();
      this.watchFlood();
      this.bucketsLeft = this.dropsEntries ? this.state.connections.size >> ENTRY_SHIFT : 0;
    }
    let left = budget;
    while (this.bucketsLeft > 0 && left > 0) {
      this.bucketsLeft--;
      left -= 1 + this.thinBucket(this.nextRandom() & (this.state.connections.size - 1), now);
    }
    return left > 0 ? left : 0;
  }

  /** Brings the levels in line with the settings and the memory there is; also when a setting has changed. */
  update(): void {
    const { settings, connections } = this.state;
    const freePages = pagesOf(connections.capacity - connections.count);
    const isShort = freePages < settings.amemthresh;

    settings.dropEntry = automatic(settings.dropEntry, isShort);
    this.dropsEntries = settings.dropEntry >= AUTOMATIC_ON;

    settings.dropPacket = automatic(settings.dropPacket, isShort);
    if (settings.dropPacket === ALWAYS) {
      this.dropRate = settings.amDroprate;
    } else if (settings.dropPacket === AUTOMATIC_ON) {
      this.dropRate = Math.trunc(settings.amemthresh / (settings.amemthresh - freePages));
      this.dropCounter = this.dropRate;
    } else {
      this.dropRate = 0;
    }

    settings.secureTcp = automatic(settings.secureTcp, isShort);
  }

  private watchFlood(): void {
    const { settings } = this.state;
    const isOver = this.unrepeatedSyns < this.floodLimit >> END_SHIFT;
    this.unrepeatedSyns = 0;
    if (settings.dropFirstSyn === AUTOMATIC_ON && !isOver) return;
    const again = this.lifecycle.halfOpen + (this.floodLimit >> AGAIN_SHIFT);
    if (settings.dropFirstSyn === AUTOMATIC_ON) {
      settings.dropFirstSyn = AUTOMATIC_OFF;
      this.floodMark = Math.max(this.floodLimit, again);
    } else if (again < this.floodMark) {
      this.floodMark = Math.max(this.floodLimit, again);
    }
  }

  /** @returns how many connections were looked at */
  private thinBucket(bucket: number, now: number): number {
    const { connections } = this.state;
    let looked = 0;
    let c = connections.firstInBucket(bucket);
    while (c !== 0 && looked < CHAIN_MAX) {
      const next = connections.nextInBucket(c);
      if (this.isDispensable(c, now)) {
        this.lifecycle.forceOut(c);
        // Its template may have gone with it, and may have been the next one.
        if (next !== 0 && !connections.isLive(next)) return looked + 1;
      }
      looked++;
      c = next;
    }
    return looked;
  }

  private isDispensable(connection: number, now: number): boolean {
    const { words } = this.state.connections;
    const base = connection * WORDS;
    if (words[base + rec.W_CHILDREN] > 0) return false;
    const tcpState = words[base + rec.W_META] & 0xff;
    if ((words[base + rec.W_FLAGS] & rec.F_TEMPLATE) !== 0) {
      return (tcpState & rec.TEMPLATE_ASSURED) === 0;
    }
    if (tcpState === SYN_RECV || tcpState === SYNACK) return true;
    return tcpState === ESTABLISHED && this.isQuiet(base, now);
  }

  /** Of the quiet connections with i packets every i-th one. */
  private isQuiet(base: number, now: number): boolean {
    const { words } = this.state.connections;
    const refreshed = (words[base + rec.W_DEADLINE] - words[base + rec.W_TIMEOUT]) | 0;
    if (ticksUntil(now, refreshed) < QUIET_TICKS) return false;
    const packets = words[base + rec.W_IN_PACKETS];
    if (packets < 1 || packets > FEW_PACKETS) return false;
    this.entryCounters[packets]--;
    if (this.entryCounters[packets] > 0) return false;
    this.entryCounters[packets] = packets;
    return true;
  }

  /** xorshift32 (Marsaglia, 2003). */
  private nextRandom(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return x;
  }
}

/** The automatic modes' change from "not in effect" to "in effect" and back. */
function automatic(mode: number, isShort: boolean): number {
  if (mode === AUTOMATIC_OFF || mode === AUTOMATIC_ON) {
    return isShort ? AUTOMATIC_ON : AUTOMATIC_OFF;
  }
  return mode;
}
