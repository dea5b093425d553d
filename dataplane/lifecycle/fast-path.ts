/**
 * The fast path: the kernel itself forwards connections (dataplane/sys/fastpath), as two flows each, one a direction. A client's
 * SYN comes here as ever, and a server is chosen for it; the rest the kernel does. It reports the packets that may change
 * the connection's state, which goes through the same transitions as if they had come here, and what it has counted is
 * added to timers and statistics a few times a second.
 *
 *     SYN, scheduled --------------------------> flows --> quiet, expired, deleted, another way --> none
 *     SYN, decided ahead (openings.ts) --kernel--> flows
 *     a busy one's packet --> proposed --(burst is through)--> flows
 *
 * In a flood of SYNs only those get flows that have answered: the table is small.
 */
import * as rec from '../conn/record.js';
import { CLOSE, ESTABLISHED, TIME_WAIT } from '../conn/states.js';
import { TICKS_PER_SECOND, ticksUntil } from '../clock.js';
import type { Accounting } from '../engine/accounting.js';
import type { OpeningTable } from '../flows/openings-table.js';
import { NO_SLOT, type FlowTable } from '../flows/table.js';
import type { State } from '../state.js';
import type { Lifecycle } from './connections.js';
import { FlowAccounts } from './flow-accounts.js';
import { FlowWriter, TO_CLIENT, TO_SERVER } from './flow-writer.js';
import { Members } from './members.js';
import { Occupied } from './occupied.js';
import { Opened } from './opened.js';
import { HALF_OPEN_MAX, Openings } from './openings.js';
import { Reports } from './reports.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const META = rec.W_META;
const IN_PACKETS = rec.W_IN_PACKETS;

/** A connection is proposed with its client's packet of this number, and from then on with every one in so many. */
const FIRST_PROPOSED = 4;
const PROPOSAL_MASK = 63;
const PROPOSALS_MAX = 256;
/** A connection without packets for so long makes room for others. */
const QUIET_TICKS = 5 * TICKS_PER_SECOND;
/** One that closes, which may have a packet or two to come. */
const CLOSING_QUIET_TICKS = TICKS_PER_SECOND / 10;
const COLLECTION_TICKS = TICKS_PER_SECOND / 10;
/** Connections whose counters are collected at a time. */
const LOOKS_MAX = 8192;

export class FastPath {
  /** Connections that found no place in the table. */
  crowded = 0;

  private isSuspended = false;
  private readonly words: Int32Array;
  private readonly proposals = new Int32Array(PROPOSALS_MAX);
  private proposed = 0;
  private readonly members: Members;
  private cursor = 0;
  /** As of the last burst or `advance`. */
  private now: number;
  private collectedAt: number;
  private revision: number;
  private readonly writer: FlowWriter;
  readonly occupied: Occupied;
  private readonly openings: Openings;
  private readonly accounts: FlowAccounts;
  private readonly reports: Reports;

  constructor(
    private readonly state: State,
    accounting: Accounting,
    private readonly lifecycle: Lifecycle,
    private readonly flows: FlowTable,
    openingTable: OpeningTable,
    now: number,
  ) {
    this.now = this.collectedAt = now;
    this.words = state.connections.words;
    this.writer = new FlowWriter(state, flows);
    this.occupied = new Occupied(state, flows, openingTable);
    this.openings = new Openings(state, lifecycle, flows, openingTable, now);
    this.members = new Members(flows.capacity >> 1, state.connections.capacity);
    this.accounts = new FlowAccounts(state, accounting, lifecycle, flows);
    const newcomers = new Opened(state, accounting, lifecycle, flows);
    const { members, accounts } = this;
    this.reports = new Reports(state, lifecycle, flows, members, newcomers, accounts);
    this.revision = state.routes.revision;
  }

  /** Connections that the kernel forwards. */
  get connections(): number {
    return this.members.count;
  }

  get capacity(): number {
    return this.members.capacity;
  }

  /** Packets and bytes that the kernel has forwarded. */
  get packets(): number {
    return this.accounts.packets;
  }

  get bytes(): number {
    return this.accounts.bytes;
  }

  /** Connections that the kernel has opened. */
  get opened(): number {
    return this.reports.opened;
  }

  /** Openings that were decided ahead want to be looked after in every tick. */
  get hasOpenings(): boolean {
    return this.openings.active > 0;
  }

  /** The server that was decided on ahead for the next connection of a service, 0 for none. */
  takeOpening(service: number, now: number): number {
    return this.openings.take(service, now);
  }

  /** True for a client's packet with which a connection may be proposed. */
  isWorthwhile(connection: number): boolean {
    const base = connection * WORDS;
    return (
      (this.words[base + IN_PACKETS] & PROPOSAL_MASK) === FIRST_PROPOSED &&
      (this.words[base + META] & 0xff) === ESTABLISHED &&
      !this.members.has(connection)
    );
  }

  /** Has a new connection forwarded from its client's SYN on, where that is about to be sent. */
  open(connection: number, isSent: boolean, now: number): void {
    const { members } = this;
    const rival = this.writer.rivalOf(connection);
    if (rival > 0) this.retire(rival);
    if (!isSent || this.lifecycle.halfOpen > HALF_OPEN_MAX || members.count > members.capacity >> 1)
      return;
    this.begin(connection, now);
    if (members.has(connection)) this.openings.note(connection, now);
  }

  /** Takes note of what the kernel has reported: to be called before the frames of a burst. */
  catchUp(now: number): void {
    this.now = now;
    this.reports.take(now);
  }

  /** A client's SYN has come here for a connection that was there. */
  watch(connection: number): void {
    this.reports.watch(connection);
  }

  /** Has the connection forwarded by the kernel once the packets that are here already have left. */
  propose(connection: number): void {
    if (this.proposed < PROPOSALS_MAX) this.proposals[this.proposed++] = connection;
  }

  /** Between two bursts, when nothing waits in the rings that the kernel's packets could overtake. */
  settle(now: number): void {
    this.catchUp(now);
    if (this.state.routes.revision !== this.revision) this.endAll(now);
    for (let i = 0; i < this.proposed; i++) this.begin(this.proposals[i], now);
    this.proposed = 0;
    this.openings.refill(now);
  }

  /** Decisions ahead are taken back: to be called before services and servers change. */
  endOpenings(now: number): void {
    if (!this.hasOpenings) return;
    this.openings.endAll();
    // One may have been taken a moment ago and not be reported yet.
    this.flows.pause();
    this.catchUp(now);
  }

  /** Its packets come to the data plane again. */
  retire(connection: number): void {
    const { members } = this;
    const place = members.placeOf(connection);
    if (place < 0) return;
    const toServer = members.toServer[place];
    const toClient = members.toClient[place];
    this.dismiss(place);
    this.accounts.collect(toServer, connection);
    this.accounts.collect(toClient, connection);
  }

  /**
   * Takes the packets into account that the kernel has forwarded for a connection.
   * @returns true where there were some: it has a new deadline
   */
  refresh(connection: number, now: number): boolean {
    const place = this.members.placeOf(connection);
    return place >= 0 && this.collect(place, now);
  }

  /** Collects counters where it is time to. */
  advance(now: number): void {
    this.settle(now);
    if (ticksUntil(now, this.collectedAt) < COLLECTION_TICKS) return;
    this.collectedAt = now;
    const { members } = this;
    const looks = members.count < LOOKS_MAX ? members.count : LOOKS_MAX;
    for (let i = 0; i < looks && members.count > 0; i++) {
      if (this.cursor >= members.count) this.cursor = 0;
      // The last one takes the place of one that goes.
      if (this.isDone(this.cursor, now)) this.retire(members.connection[this.cursor]);
      else this.cursor++;
    }
  }

  /** Collects a connection's counters, where it is open. True where it has been quiet for long enough. */
  private isDone(place: number, now: number): boolean {
    const { connection, heardAt } = this.members;
    const tcpState = this.words[connection[place] * WORDS + META] & 0xff;
    // What a closed one's last packets were is counted when it goes.
    if (tcpState !== TIME_WAIT && tcpState !== CLOSE) this.collect(place, now);
    const quietMax = tcpState === ESTABLISHED ? QUIET_TICKS : CLOSING_QUIET_TICKS;
    return ticksUntil(now, heardAt[place]) >= quietMax;
  }

  /** Counts all that the kernel has forwarded so far. */
  collectAll(now: number): void {
    this.catchUp(now);
    for (let place = 0; place < this.members.count; place++) this.collect(place, now);
  }

  /** All packets come to the data plane, where somebody wants to see them, until `resume`. */
  suspend(now: number): void {
    this.isSuspended = true;
    this.endAll(now);
  }

  /** Connections may be forwarded by the kernel again as soon as they are worthwhile. */
  resume(): void {
    this.isSuspended = false;
  }

  /** All packets come to the data plane again, until connections are proposed anew. */
  endAll(now: number): void {
    const { members } = this;
    this.now = now;
    this.revision = this.state.routes.revision;
    this.openings.endAll();
    // While flows count that are yet to be adopted.
    this.reports.take(now);
    this.flows.endAll();
    this.collectAll(now);
    while (members.count > 0) this.dismiss(members.count - 1);
  }

  /**
   * Counts what the kernel has forwarded by itself while there was no data plane, and ends the flows of the earlier
   * one. Connections and destinations must have been rebuilt.
   */
  takeOver(now: number): void {
    const { flows, reports, accounts } = this;
    this.openings.takeOver();
    this.occupied.countAnew();
    reports.adoptAll(now);
    for (let slot = 0; slot < flows.capacity; slot++) {
      if (!reports.isTheirs(slot)) continue;
      const connection = flows.connectionOf(slot);
      if (accounts.collect(slot, connection) > 0) accounts.restartTimer(connection, now);
    }
    reports.takeOver(now);
    this.endAll(now);
    flows.clear(now);
  }

  private begin(connection: number, now: number): void {
    const { flows, writer } = this;
    if (this.isSuspended) return;
    if (this.members.has(connection) || this.members.isFull) return;
    if (!this.state.connections.isLive(connection) || !writer.describe(connection)) return;
    const isOpening = (this.words[connection * WORDS + META] & 0xff) !== ESTABLISHED;
    const toServer = writer.write(connection, TO_SERVER, isOpening, now);
    const toClient = writer.write(connection, TO_CLIENT, isOpening, now);
    if (toServer === NO_SLOT || toClient === NO_SLOT) {
      if (toServer !== NO_SLOT) flows.end(toServer, now);
      if (toClient !== NO_SLOT) flows.end(toClient, now);
      this.crowded++;
      return;
    }
    this.members.enter(connection, toServer, toClient, now);
    flows.begin(toServer);
    flows.begin(toClient);
  }

  private dismiss(place: number): void {
    const { flows, members, now } = this;
    flows.end(members.toServer[place], now);
    flows.end(members.toClient[place], now);
    members.leave(place);
  }

  /** True where the kernel has forwarded something. */
  private collect(place: number, now: number): boolean {
    const { members, accounts } = this;
    const connection = members.connection[place];
    const inward = accounts.collect(members.toServer[place], connection);
    const outward = accounts.collect(members.toClient[place], connection);
    if (inward + outward === 0) return false;
    members.heardAt[place] = now;
    accounts.restartTimer(connection, now);
    this.writer.useWays(connection);
    return true;
  }
}
