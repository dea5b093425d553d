/**
 * Connections that the kernel has opened by itself (openings.ts): it has made their flows and forwarded their SYNs, and they are
 * put into the table when it reports them, as if the SYN had come here.
 */
import { dropReason } from '../drops.js';
import { INPUT } from '../conn/states.js';
import * as rec from '../conn/record.js';
import type { Accounting } from '../engine/accounting.js';
import * as at from '../flows/layout.js';
import { swap16, swap32 } from '../flows/packet-order.js';
import type { FlowTable } from '../flows/table.js';
import type { State } from '../state.js';
import { PROTOCOL_TCP } from '../wire/ipv4.js';
import { SYN } from '../wire/tcp.js';
import type { Lifecycle } from './connections.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const UNAVAILABLE = dropReason('destination_unavailable');
const CHAIN_LIMIT = dropReason('chain_limit');
const TABLE_FULL = dropReason('table_full');

export class Opened {
  private client = 0;
  private clientPort = 0;
  private virtual = 0;
  private virtualPort = 0;

  constructor(
    private readonly state: State,
    private readonly accounting: Accounting,
    private readonly lifecycle: Lifecycle,
    private readonly flows: FlowTable,
  ) {}

  /**
   * @param slot of the flow to the server
   * @returns the connection, 0 where there can't be one: then its flows are to end, and nobody knows its packets
   */
  make(slot: number, now: number): number {
    const { connections, destinations } = this.state;
    this.readEnds(slot);
    const { client, clientPort, virtual, virtualPort } = this;
    if (!this.makeWay(now)) return 0;
    const server = -this.flows.connectionOf(slot);
    if (!this.isServer(server, slot)) return this.refuse(UNAVAILABLE);
    if (connections.isChainFull(PROTOCOL_TCP, client, clientPort)) return this.refuse(CHAIN_LIMIT);
    const port = swap16(this.flows.word(slot, at.NEW_PORT));
    const c = this.lifecycle.create(
      PROTOCOL_TCP,
      client,
      clientPort,
      virtual,
      virtualPort,
      server,
      port,
      false,
    );
    if (c === 0) return this.refuse(TABLE_FULL);
    this.accounting.connection(server);
    const service = destinations.service(server);
    this.state.statistics.countDecision(this.state.serviceBlock(service), true);
    this.lifecycle.transition(c, INPUT, SYN);
    this.lifecycle.startTimer(c, now);
    this.flows.assign(this.flows.partnerOf(slot), c);
    this.flows.assign(slot, c);
    return c;
  }

  private readEnds(slot: number): void {
    const { flows } = this;
    const ports = flows.word(slot, at.PORTS);
    this.client = swap32(flows.word(slot, at.SOURCE));
    this.virtual = swap32(flows.word(slot, at.DESTINATION));
    this.clientPort = swap16(ports);
    this.virtualPort = swap16(ports >>> 16);
  }

  /** A connection of these ends that is over goes; any other stays, and the new one is none. */
  private makeWay(now: number): boolean {
    const { connections } = this.state;
    const { client, clientPort, virtual, virtualPort } = this;
    const old = connections.findInbound(PROTOCOL_TCP, client, clientPort, virtual, virtualPort);
    if (old === 0) return true;
    if (!this.lifecycle.isOver(old)) return false;
    if (connections.words[old * WORDS + rec.W_CHILDREN] === 0) this.lifecycle.expireNow(old, now);
    return true;
  }

  /** The memory that names it is the kernel's as well: it may have been deleted meanwhile. */
  private isServer(server: number, slot: number): boolean {
    const { destinations } = this.state;
    return (
      server > 0 &&
      server <= destinations.highWater &&
      destinations.isLive(server) &&
      destinations.isAvailable(server) &&
      destinations.address(server) === swap32(this.flows.word(slot, at.NEW_ADDRESS))
    );
  }

  private refuse(reason: number): number {
    this.state.drops.count(reason);
    return 0;
  }
}
