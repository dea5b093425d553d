/**
 * What the kernel reports, in the order in which it came: packets that may change a connection's state go through the
 * same transitions as if they had come here, and connections that the kernel has opened are made (opened.ts).
 */
import * as rec from '../conn/record.js';
import { INPUT, IS_HALF_OPEN, OUTPUT } from '../conn/states.js';
import { NO_REPORT, REPORT_FLAGS_BITS, type FlowTable } from '../flows/table.js';
import type { State } from '../state.js';
import { SYN } from '../wire/tcp.js';
import type { Lifecycle } from './connections.js';
import type { FlowAccounts } from './flow-accounts.js';
import type { Members } from './members.js';
import type { Opened } from './opened.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const META = rec.W_META;
const REPORTS_MAX = 65_536;
/** Reports are looked at so many ahead: what they are about lies all over the memory, and is fetched side by side. */
const AHEAD = 32;

export class Reports {
  /** Connections that the kernel has opened. */
  opened = 0;
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly lifecycle: Lifecycle,
    private readonly flows: FlowTable,
    private readonly members: Members,
    private readonly newcomers: Opened,
    private readonly accounts: FlowAccounts,
  ) {
    this.words = state.connections.words;
  }

  /** Takes note of all that there are. */
  take(now: number): void {
    const { flows } = this;
    for (let i = 0; i < REPORTS_MAX; i++) {
      if (i % AHEAD === 0) flows.lookAhead(AHEAD);
      const report = flows.takeReport();
      if (report === NO_REPORT) break;
      this.note(report >>> REPORT_FLAGS_BITS, report & 0xff, now);
    }
    if (!flows.hasMissedReports) return;
    flows.hasMissedReports = false;
    this.adoptAll(now);
  }

  /** Those that an earlier data plane hasn't read. Connections that the kernel had opened must have been adopted. */
  takeOver(now: number): void {
    const { flows } = this;
    for (let i = 0; i < REPORTS_MAX; i++) {
      const report = flows.takeReport();
      if (report === NO_REPORT) break;
      const slot = report >>> REPORT_FLAGS_BITS;
      if (this.isTheirs(slot)) this.heed(flows.connectionOf(slot), slot, report & 0xff, now);
    }
  }

  /** Makes connections of those that the kernel has opened, although their reports were lost. */
  adoptAll(now: number): void {
    const { flows } = this;
    for (let slot = 0; slot < flows.capacity; slot++) {
      if (flows.connectionOf(slot) < 0 && !flows.rewritesSource(slot)) this.adopt(slot, now);
    }
  }

  /** True for a flow that is there, and whose connection is as well. */
  isTheirs(slot: number): boolean {
    const { connections } = this.state;
    const { flows } = this;
    if (slot >= flows.capacity || !flows.isLive(slot)) return false;
    const c = flows.connectionOf(slot);
    return c > 0 && c <= connections.highWater && connections.isLive(c);
  }

  /** A client's SYN has come here for a connection that was there: what follows may complete a handshake again. */
  watch(connection: number): void {
    const { flows, members } = this;
    const place = members.placeOf(connection);
    if (place < 0 || !this.isHalfOpen(connection)) return;
    flows.reportNext(members.toServer[place]);
    flows.reportNext(members.toClient[place]);
  }

  private note(slot: number, tcpFlags: number, now: number): void {
    const { flows, members } = this;
    const connection = flows.connectionOf(slot);
    if (connection < 0) {
      if (tcpFlags === SYN) this.adopt(slot, now);
      return;
    }
    const place = members.placeOf(connection);
    if (place < 0) return;
    if (members.toServer[place] !== slot && members.toClient[place] !== slot) return;
    this.heed(connection, slot, tcpFlags, now);
    members.heardAt[place] = now;
    // With SYN the kernel goes on reporting by itself.
    if ((tcpFlags & SYN) === 0 && this.isHalfOpen(connection)) flows.reportNext(slot);
  }

  private isHalfOpen(connection: number): boolean {
    return IS_HALF_OPEN[this.words[connection * WORDS + META] & 0xff] === 1;
  }

  /** A packet that the kernel has forwarded, with these TCP flags. */
  private heed(connection: number, slot: number, tcpFlags: number, now: number): void {
    const direction = this.flows.rewritesSource(slot) ? OUTPUT : INPUT;
    this.lifecycle.transition(connection, direction, tcpFlags);
    this.lifecycle.restartTimer(connection, now);
  }

  private adopt(slot: number, now: number): void {
    const { flows, members, accounts } = this;
    if (!flows.isWritten(slot)) return;
    const partner = flows.partnerOf(slot);
    const connection = this.newcomers.make(slot, now);
    if (connection !== 0) this.opened++;
    if (connection !== 0 && flows.isLive(slot) && flows.isLive(partner) && !members.isFull) {
      members.enter(connection, slot, partner, now);
      return;
    }
    flows.end(slot, now);
    flows.end(partner, now);
    if (connection === 0) return;
    accounts.collect(slot, connection);
    accounts.collect(partner, connection);
  }
}
