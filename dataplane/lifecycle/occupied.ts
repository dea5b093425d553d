/** Which connections are in the way of others with the same ends: a SYN of theirs the kernel leaves to the data plane. */
import * as rec from '../conn/record.js';
import { IS_OVER } from '../conn/states.js';
import type { OpeningTable } from '../flows/openings-table.js';
import { portsWord, swap32 } from '../flows/packet-order.js';
import type { FlowTable } from '../flows/table.js';
import type { State } from '../state.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;

export class Occupied {
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly flows: FlowTable,
    private readonly table: OpeningTable,
  ) {
    this.words = state.connections.words;
  }

  /** A connection has begun that isn't over. */
  add(connection: number): void {
    this.table.occupy(this.hashOf(connection));
  }

  /** It is over, or gone. */
  remove(connection: number): void {
    this.table.vacate(this.hashOf(connection));
  }

  /** From the records. */
  countAnew(): void {
    const { connections } = this.state;
    this.table.vacateAll();
    for (let c = 1; c <= connections.highWater; c++) {
      if (connections.isLive(c) && this.isInTheWay(c)) this.add(c);
    }
  }

  private isInTheWay(connection: number): boolean {
    const base = connection * WORDS;
    const isTemplate = (this.words[base + rec.W_FLAGS] & rec.F_TEMPLATE) !== 0;
    return !isTemplate && IS_OVER[this.words[base + rec.W_META] & 0xff] === 0;
  }

  private hashOf(connection: number): number {
    const { words } = this;
    const base = connection * WORDS;
    const ports = words[base + rec.W_PORTS];
    return this.flows.hash(
      swap32(words[base + rec.W_CLIENT]),
      swap32(words[base + rec.W_VIRTUAL]),
      portsWord(ports >>> 16, ports & 0xffff),
    );
  }
}
