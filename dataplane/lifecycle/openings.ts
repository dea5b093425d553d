/**
 * Decisions made ahead: where connections to a service begin in quick succession, the next ones' servers are chosen
 * before their SYNs come, and the kernel opens the connections by itself (dataplane/sys/fastpath/open-connection.ts).
 *
 *     SYNs, scheduled --(many in a moment)--> queue of openings <--(as many as are taken)-- scheduler
 *                                               |        |
 *                                 kernel, a SYN +        + data plane, a SYN that the kernel leaves to it
 *
 * The order is the scheduler's, whoever takes the next one. What wasn't taken when a queue ends was never chosen: the scheduler's
 * words are what they were before. Only where choices depend on nothing but order and weights (rr, wrr, fo), and no server has
 * a threshold.
 */
import { SCHEDULER_WORDS } from '../../scheduler/scheduler.js';
import { TICKS_PER_SECOND, ticksUntil } from '../clock.js';
import * as rec from '../conn/record.js';
import { CHANGES_PORT } from '../flows/layout.js';
import { QUEUE_ROOM, QUEUES } from '../flows/openings-layout.js';
import { NO_OPENING, queueOf, type OpeningTable } from '../flows/openings-table.js';
import { swap16, swap32 } from '../flows/packet-order.js';
import type { FlowTable } from '../flows/table.js';
import { IN_EFFECT } from '../settings.js';
import type { State } from '../state.js';
import { difference32, fold } from '../wire/checksum.js';
import { PROTOCOL_TCP } from '../wire/ipv4.js';
import type { Lifecycle } from './connections.js';
import { isPassable, writeWay } from './flow-writer.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** So many connections of a service in a moment, and the next ones are decided ahead. */
const MOMENT_TICKS = 2;
const BUSY_OPENINGS = 8;
/** A service that can't have a queue is looked at again after so long. */
const RETRY_TICKS = TICKS_PER_SECOND;
const WANTED_FIRST = 32;
/** How many at a time: as many as are taken in some ticks. */
const WANTED_LEAST = 8;
const WANTED_MOST = QUEUE_ROOM / 2;
const AHEAD_TICKS = 4;
/** How many are taken in a tick is counted in sixteenths, and falls by an eighth in a tick without any. */
const RATE_SHIFT = 4;
const FALL_SHIFT = 3;
/** With less a queue ends, and each SYN comes to the data plane. */
const RATE_LEAST = 1 << (RATE_SHIFT - 1);
/** Nothing is taken from a queue that nobody has looked after for so long. */
const VALID_TICKS = TICKS_PER_SECOND / 10;
/** With more half-open connections than this each SYN comes to the data plane, which may be under attack. */
export const HALF_OPEN_MAX = 4096;

export class Openings {
  /** Queues in use. */
  active = 0;
  /** By queue: its service, 0 for none; and what became of it. */
  private readonly services = new Int32Array(QUEUES);
  private readonly takenBefore = new Int32Array(QUEUES);
  private readonly validUntil = new Int32Array(QUEUES);
  private readonly wanted = new Int32Array(QUEUES);
  /** How many are taken in a tick; it falls slowly. */
  private readonly rate = new Int32Array(QUEUES);
  /** By service: its queue and 1, 0 for none; connections since the moment began. */
  private readonly queues: Int32Array;
  private readonly seen: Int32Array;
  private readonly seenSince: Int32Array;
  private filledAt: number;

  constructor(
    private readonly state: State,
    private readonly lifecycle: Lifecycle,
    private readonly flows: FlowTable,
    private readonly table: OpeningTable,
    now: number,
  ) {
    const services = state.services.capacity + 1;
    this.queues = new Int32Array(services);
    this.seen = new Int32Array(services);
    this.seenSince = new Int32Array(services);
    this.filledAt = now;
  }

  /** Ends the queues of an earlier data plane, whose services have been rebuilt. */
  takeOver(): void {
    const { table } = this;
    const { services } = this.state;
    for (let queue = 0; queue < QUEUES; queue++) {
      const first = table.endQueue(queue);
      if (first === table.made(queue)) continue;
      const virtual = swap32(table.virtual(queue));
      const service = services.find(PROTOCOL_TCP, virtual, swap16(table.port(queue)));
      if (service !== 0) this.restore(service, queue, first);
    }
  }

  /** A connection was scheduled here and has flows: both its ways are known. */
  note(connection: number, now: number): void {
    const { destinations, connections } = this.state;
    const base = connection * WORDS;
    const service = destinations.service(connections.words[base + rec.W_SERVER]);
    if (this.queues[service] === 0) {
      if (!this.isBusy(service, now) || !this.begin(service, now)) return;
    }
    this.showClient(connections.words[base + rec.W_CLIENT], connections.words[base + rec.W_HOP]);
  }

  /** The server of the next opening of a service, which is taken; NO_OPENING where there is none. */
  take(service: number, now: number): number {
    const queue = this.queues[service] - 1;
    if (queue < 0) return NO_OPENING;
    if (ticksUntil(this.validUntil[queue], now) < 0) {
      this.end(queue);
      return NO_OPENING;
    }
    return this.table.take(queue);
  }

  /** Has queues hold as many openings as are wanted in the next tick or two, and ends those that nobody uses. */
  refill(now: number): void {
    if (this.active === 0) return;
    const isAnotherTick = now !== this.filledAt;
    this.filledAt = now;
    for (let queue = 0; queue < QUEUES; queue++) {
      if (this.services[queue] !== 0) this.refillOne(queue, isAnotherTick, now);
    }
  }

  private refillOne(queue: number, isAnotherTick: boolean, now: number): void {
    const { table } = this;
    const taken = table.taken(queue);
    const left = (table.made(queue) - taken) | 0;
    if (!isAnotherTick && left > 0) return;
    const count = (taken - this.takenBefore[queue]) | 0;
    this.takenBefore[queue] = taken;
    const isDry = left === 0 && count > 0;
    const rate = this.updateRate(queue, isDry ? this.wanted[queue] : count);
    const ahead = (rate * AHEAD_TICKS) >> RATE_SHIFT;
    if (rate < RATE_LEAST) {
      this.end(queue);
      return;
    }
    const roomOfEach = Math.trunc(this.room / this.active);
    this.wanted[queue] = Math.min(Math.max(ahead, WANTED_LEAST), WANTED_MOST, roomOfEach);
    this.fill(queue, now);
  }

  private updateRate(queue: number, count: number): number {
    const { rate } = this;
    const before = rate[queue];
    rate[queue] = Math.max(count << RATE_SHIFT, before - (before >> FALL_SHIFT));
    return rate[queue];
  }

  /** What wasn't taken was never decided: before anything changes that decisions depend on. */
  endAll(): void {
    if (this.active === 0) return;
    for (let queue = 0; queue < QUEUES; queue++) if (this.services[queue] !== 0) this.end(queue);
  }

  private isBusy(service: number, now: number): boolean {
    const since = ticksUntil(now, this.seenSince[service]);
    if (since < 0) return false;
    if (since >= MOMENT_TICKS) {
      this.seenSince[service] = now;
      this.seen[service] = 0;
    }
    this.seen[service]++;
    return this.seen[service] >= BUSY_OPENINGS;
  }

  private begin(service: number, now: number): boolean {
    const { services } = this.state;
    const virtual = swap32(services.address(service));
    const port = swap16(services.port(service));
    const queue = queueOf(virtual, port);
    if (this.services[queue] !== 0 || !this.mayOpen(service) || this.hasThresholds(service)) {
      this.seenSince[service] = (now + RETRY_TICKS) | 0;
      return false;
    }
    this.table.beginQueue(queue, virtual, port);
    this.services[queue] = service;
    this.queues[service] = queue + 1;
    this.takenBefore[queue] = this.table.taken(queue);
    this.wanted[queue] = WANTED_FIRST;
    this.rate[queue] = (BUSY_OPENINGS / MOMENT_TICKS) << RATE_SHIFT;
    this.active++;
    this.fill(queue, now);
    return true;
  }

  /** True where nothing but the scheduler has a say in a new connection. */
  private mayOpen(service: number): boolean {
    const { services, schedulers, settings } = this.state;
    const scheduler = schedulers[service];
    if (scheduler?.isForeseeable !== true || services.isPersistent(service)) return false;
    if (settings.connReuseMode === 0 || settings.dropPacket >= IN_EFFECT) return false;
    if (settings.dropFirstSyn >= IN_EFFECT || this.lifecycle.halfOpen > HALF_OPEN_MAX) return false;
    return this.room > QUEUES * WANTED_FIRST;
  }

  /** A server's connections decide whether it is chosen: that can't be foreseen. */
  private hasThresholds(service: number): boolean {
    const { services, destinations } = this.state;
    let d = services.first(service);
    while (d !== 0 && destinations.upperThreshold(d) === 0) d = destinations.next(d);
    return d !== 0;
  }

  /** Connections that may be prepared for: half of those that the table still takes. */
  private get room(): number {
    const { connections } = this.state;
    return (connections.capacity - connections.count) >> 1;
  }

  private fill(queue: number, now: number): void {
    const { table, flows } = this;
    const service = this.services[queue];
    if (!this.mayOpen(service)) {
      this.end(queue);
      return;
    }
    const end = (table.taken(queue) + this.wanted[queue]) | 0;
    let more = true;
    while (more && ((end - table.made(queue)) | 0) > 0) more = this.add(queue, service, now);
    this.validUntil[queue] = (now + VALID_TICKS) | 0;
    table.validateQueue(queue, flows.generation, this.validUntil[queue]);
  }

  /** Decides about one more connection; false where the next one is to be decided about when it comes. */
  private add(queue: number, service: number, now: number): boolean {
    const { services, schedulers } = this.state;
    const { table } = this;
    for (let i = 0; i < SCHEDULER_WORDS; i++) {
      table.setSchedulerWord(queue, i, services.schedulerWord(service, i));
    }
    const server = schedulers[service]?.pick(0, 0, services.address(service), now) ?? 0;
    if (server === 0 || !this.isReachable(server)) {
      this.restore(service, queue, table.made(queue));
      return false;
    }
    this.write(queue, service, server);
    table.add(queue);
    return true;
  }

  private isReachable(server: number): boolean {
    const { destinations, routes } = this.state;
    return (
      destinations.hopGeneration(server) === routes.generation &&
      isPassable(routes, destinations.hop(server))
    );
  }

  private write(queue: number, service: number, server: number): void {
    const { services, destinations } = this.state;
    const virtual = swap32(services.address(service));
    const address = swap32(destinations.address(server));
    const virtualPort = services.port(service);
    const ownPort = destinations.port(server);
    const port = ownPort === 0 ? virtualPort : ownPort;
    const place = this.table.write(
      queue,
      server,
      address,
      swap16(port) | (port === virtualPort ? 0 : CHANGES_PORT),
      fold(difference32(virtual, address)),
      fold(difference32(address, virtual)),
    );
    writeWay(this.state.routes, destinations.hop(server), this.table, place);
  }

  /** The kernel may open connections of this client. */
  private showClient(client: number, hop: number): void {
    const { table, flows } = this;
    const address = swap32(client);
    if (table.isClientKnown(address, flows.generation)) return;
    writeWay(this.state.routes, hop, table, table.replaceClient(address));
    table.validateClient(address, flows.generation);
  }

  private end(queue: number): void {
    const { table } = this;
    const service = this.services[queue];
    const first = table.endQueue(queue);
    if (first !== table.made(queue)) this.restore(service, queue, first);
    this.services[queue] = 0;
    this.queues[service] = 0;
    this.seen[service] = 0;
    this.active--;
  }

  /** The scheduler decides again about the connection that the opening with this number was for. */
  private restore(service: number, queue: number, number: number): void {
    const { services } = this.state;
    for (let i = 0; i < SCHEDULER_WORDS; i++) {
      services.setSchedulerWord(service, i, this.table.schedulerWord(queue, number, i));
    }
  }
}
