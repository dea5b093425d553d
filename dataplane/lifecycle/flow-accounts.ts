/** What the kernel has forwarded goes into statistics and timers: a few times a second, and when a flow ends. */
import * as rec from '../conn/record.js';
import type { Accounting } from '../engine/accounting.js';
import type { FlowTable } from '../flows/table.js';
import type { State } from '../state.js';
import type { Lifecycle } from './connections.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const META = rec.W_META;
const SERVER = rec.W_SERVER;
const IN_PACKETS = rec.W_IN_PACKETS;

export class FlowAccounts {
  /** Packets and bytes that the kernel has forwarded. */
  packets = 0;
  bytes = 0;
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly accounting: Accounting,
    private readonly lifecycle: Lifecycle,
    private readonly flows: FlowTable,
  ) {
    this.words = state.connections.words;
  }

  /** Counts what a flow of this connection's has forwarded since the last time. @returns packets */
  collect(slot: number, connection: number): number {
    const { flows, accounting, words } = this;
    const bytes = flows.takeBytes(slot);
    const packets = flows.takePackets(slot);
    if (packets === 0 && bytes === 0) return 0;
    const server = words[connection * WORDS + SERVER];
    if (flows.rewritesSource(slot)) {
      accounting.packetsOut(server, packets, bytes);
    } else {
      accounting.packetsIn(server, packets, bytes);
      words[connection * WORDS + IN_PACKETS] += packets;
    }
    this.packets += packets;
    this.bytes += bytes;
    return packets;
  }

  /** The connection has all the time again that its state gives it. */
  restartTimer(connection: number, now: number): void {
    const base = connection * WORDS;
    this.words[base + rec.W_TIMEOUT] = this.state.timeouts[this.words[base + META] & 0xff];
    this.lifecycle.restartTimer(connection, now);
  }
}
