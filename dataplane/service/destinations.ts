/**
 * Destinations (real servers): records in a region, linked into their service's list, newest first.
 *
 *     word   0      1         2         3       4       5        6           7         8       9       10
 *          +------+---------+---------+-------+-------+--------+-----------+---------+-------+-------+-------+
 *          | mark | service | service | addr. | port  | weight | last      | forward | upper | lower | flags |
 *          |      |         | serial  |       |       |        | weight    |         | thr.  | thr.  |       |
 *          +------+---------+---------+-------+-------+--------+-----------+---------+-------+-------+-------+
 *     word   11     12        13        14      15      16       17          18        19      20      21
 *          +------+---------+---------+-------+-------+--------+-----------+---------+-------+-------+-------+
 *          |active|inactive | persist.| refs  | next  | prev.  | virtual   | proto|  | idle  | hop   | hop   |
 *          |      |         |         |       |       |        | address   | port    | since |       | gener.|
 *          +------+---------+---------+-------+-------+--------+-----------+---------+-------+-------+-------+
 *     word   22
 *          +------+---------------
 *          | order| unused to 31
 *          +------+---------------
 *
 * Words 11 to 16, 20 and 21 follow from other records. The lists do as well: of the destinations of a service the
 * one that was linked later has the higher `order` and comes first.
 *
 * A destination lives on after it is deleted, while connections or a scheduler's table refer to it and for
 * a while longer (service/trash.ts); virtual address, protocol and port say which service it was of.
 */
import type { Destinations } from '../../scheduler/scheduler.js';
import { Region, VALID, type RecordLayout } from '../memory/region.js';
import { DestinationIndex } from './destination-index.js';
import { rebuildLists } from './lists.js';
import { SERVICE_SCHEDULER_FLAGS, type ServiceTable } from './services.js';

export const DESTINATION_LAYOUT: RecordLayout = { kind: 3, version: 2, recordWords: 32 };

const WORDS = DESTINATION_LAYOUT.recordWords;
const SERVICE = 1;
const SERVICE_SERIAL = 2;
const ADDRESS = 3;
const PORT = 4;
const WEIGHT = 5;
const LAST_WEIGHT = 6;
const FORWARD = 7;
const UPPER = 8;
const LOWER = 9;
const FLAGS = 10;
const ACTIVE = 11;
const INACTIVE = 12;
const PERSISTENT = 13;
const REFERENCES = 14;
const NEXT = 15;
const PREVIOUS = 16;
const VIRTUAL_ADDRESS = 17;
const VIRTUAL_PROTOCOL_PORT = 18;
const IDLE_SINCE = 19;
const HOP = 20;
const HOP_GENERATION = 21;
const ORDER = 22;

const FLAG_AVAILABLE = 1;
const FLAG_OVERLOAD = 2;
const FLAG_IDLE = 4;
const KNOWN_FLAGS = FLAG_AVAILABLE | FLAG_OVERLOAD | FLAG_IDLE;

const PROTOCOL_TCP = 6;
const PORT_MAX = 0xffff;
/** The only forwarding method there is: masquerading. */
const FORWARD_MASQ = 0;

export class DestinationTable implements Destinations {
  readonly words: Int32Array;
  private freeHead = 0;
  private lastOrder = 0;
  /** Of those that are in a list. */
  private readonly index = new DestinationIndex();

  constructor(
    private readonly region: Region,
    private readonly services: ServiceTable,
  ) {
    this.words = region.words;
  }

  get highWater(): number {
    return this.region.highWater;
  }

  /** Makes sure of the memory for more destinations. */
  makeRoom(more: number): boolean {
    return this.region.makeRoom(more);
  }

  isLive(destination: number): boolean {
    return this.region.isValid(destination);
  }

  /** The destination of a service by address and port, 0 if it has none. */
  find(service: number, address: number, port: number): number {
    return this.index.find(service, address, port);
  }

  /** Takes a free record for a new destination, not yet linked. @returns 0 where the table is full. */
  create(service: number, address: number, port: number): number {
    let d = this.freeHead;
    if (d !== 0) this.freeHead = this.words[d * WORDS + NEXT];
    else d = this.region.takeNew();
    if (d === 0) return 0;
    this.region.keep(d);
    const base = d * WORDS;
    this.words.fill(0, base, base + WORDS);
    this.words[base + ADDRESS] = address;
    this.words[base + PORT] = port;
    this.words[base + VIRTUAL_ADDRESS] = this.services.address(service);
    this.words[base + VIRTUAL_PROTOCOL_PORT] =
      (this.services.protocol(service) << 16) | this.services.port(service);
    return d;
  }

  /** Sets weight, forwarding method and thresholds, with ip_vs's side effects. */
  configure(
    destination: number,
    isNew: boolean,
    weight: number,
    forward: number,
    upperThreshold: number,
    lowerThreshold: number,
  ): void {
    this.region.keep(destination);
    const base = destination * WORDS;
    this.words[base + WEIGHT] = weight;
    if (isNew || weight !== 0) this.words[base + LAST_WEIGHT] = weight;
    this.words[base + FORWARD] = forward;
    if (upperThreshold === 0 || upperThreshold > this.words[base + UPPER]) {
      this.words[base + FLAGS] &= ~FLAG_OVERLOAD;
    }
    this.words[base + UPPER] = upperThreshold;
    this.words[base + LOWER] = lowerThreshold;
  }

  /** Puts a destination at the head of its service's list: from now on it is available. */
  linkTo(service: number, destination: number): void {
    const base = destination * WORDS;
    const head = this.services.first(service);
    this.services.keep(service);
    this.region.keep(destination);
    if (head !== 0) this.region.keep(head);
    this.words[base + SERVICE] = service;
    this.words[base + SERVICE_SERIAL] = this.services.serial(service);
    this.lastOrder = (this.lastOrder + 1) | 0;
    this.words[base + ORDER] = this.lastOrder;
    this.words[base + FLAGS] = (this.words[base + FLAGS] & ~FLAG_IDLE) | FLAG_AVAILABLE;
    this.enlist(destination);
    this.words[base] = VALID;
  }

  /** Puts a destination at the head of the list of the service that its record names. */
  enlist(destination: number): void {
    const base = destination * WORDS;
    const service = this.words[base + SERVICE];
    const head = this.services.first(service);
    this.words[base + NEXT] = head;
    this.words[base + PREVIOUS] = 0;
    if (head !== 0) this.words[head * WORDS + PREVIOUS] = destination;
    this.services.setFirst(service, destination);
    this.services.addToDestinationCount(service, 1);
    this.index.add(service, this.words[base + ADDRESS], this.words[base + PORT], destination);
  }

  /** Takes a destination out of its service's list. Its own `next` still stands, for schedulers. */
  unlink(destination: number): void {
    const base = destination * WORDS;
    const service = this.words[base + SERVICE];
    const next = this.words[base + NEXT];
    const previous = this.words[base + PREVIOUS];
    this.services.keep(service);
    this.region.keep(destination);
    if (next !== 0) this.region.keep(next);
    if (previous !== 0) this.region.keep(previous);
    if (previous === 0) this.services.setFirst(service, next);
    else this.words[previous * WORDS + NEXT] = next;
    if (next !== 0) this.words[next * WORDS + PREVIOUS] = previous;
    this.services.addToDestinationCount(service, -1);
    this.index.remove(service, this.words[base + ADDRESS], this.words[base + PORT]);
    this.withdraw(destination);
  }

  /** Has a destination that is in no list be one that was deleted. */
  withdraw(destination: number): void {
    this.words[destination * WORDS + FLAGS] &= ~FLAG_AVAILABLE;
  }

  /** Gives the record of a destination that nothing refers to back. */
  free(destination: number): void {
    this.words[destination * WORDS] = 0;
    this.words[destination * WORDS + NEXT] = this.freeHead;
    this.freeHead = destination;
  }

  /**
   * Builds the free list and the services' lists anew, records that no director can have written left out.
   * Connection counts and references start from 0 and are to be counted in. The services come first.
   * @returns how many records were damaged
   */
  rebuild(): number {
    this.freeHead = this.lastOrder = 0;
    let damaged = 0;
    for (let d = this.region.highWater; d >= 1; d--) {
      const base = d * WORDS;
      const mark = this.words[base];
      if (mark === VALID && this.isSound(base)) {
        this.words.fill(0, base + ACTIVE, base + PREVIOUS + 1);
        this.words[base + HOP] = this.words[base + HOP_GENERATION] = 0;
        this.lastOrder = Math.max(this.lastOrder, this.words[base + ORDER]);
      } else {
        if (mark !== 0) damaged++;
        this.words[base] = 0;
        this.words[base + NEXT] = this.freeHead;
        this.freeHead = d;
      }
    }
    this.index.clear();
    rebuildLists(this);
    return damaged;
  }

  private isSound(base: number): boolean {
    const words = this.words;
    const service = words[base + SERVICE];
    return (
      service > 0 &&
      service <= this.services.capacity &&
      words[base + PORT] >= 0 &&
      words[base + PORT] <= PORT_MAX &&
      words[base + WEIGHT] >= 0 &&
      words[base + LAST_WEIGHT] >= 0 &&
      words[base + FORWARD] === FORWARD_MASQ &&
      words[base + LOWER] >= 0 &&
      words[base + LOWER] <= words[base + UPPER] &&
      (words[base + FLAGS] & ~KNOWN_FLAGS) === 0 &&
      words[base + VIRTUAL_PROTOCOL_PORT] >>> 16 === PROTOCOL_TCP
    );
  }

  /** True where the service that the record names is the one it was linked to. */
  isServiceThere(destination: number): boolean {
    const { services } = this;
    const service = this.service(destination);
    return (
      service <= services.highWater &&
      services.isLive(service) &&
      services.serial(service) === this.serviceSerial(destination) &&
      services.address(service) === this.virtualAddress(destination) &&
      services.port(service) === this.virtualPort(destination)
    );
  }

  /** Grows with every destination that is linked. */
  order(destination: number): number {
    return this.words[destination * WORDS + ORDER];
  }

  /** The service a destination is (or last was) of; `serviceSerial` tells whether that one still is. */
  service(destination: number): number {
    return this.words[destination * WORDS + SERVICE];
  }

  serviceSerial(destination: number): number {
    return this.words[destination * WORDS + SERVICE_SERIAL];
  }

  virtualAddress(destination: number): number {
    return this.words[destination * WORDS + VIRTUAL_ADDRESS];
  }

  virtualPort(destination: number): number {
    return this.words[destination * WORDS + VIRTUAL_PROTOCOL_PORT] & 0xffff;
  }

  virtualProtocol(destination: number): number {
    return this.words[destination * WORDS + VIRTUAL_PROTOCOL_PORT] >>> 16;
  }

  /** Forwarding method: the low three bits of a connection's flags. */
  forward(destination: number): number {
    return this.words[destination * WORDS + FORWARD];
  }

  upperThreshold(destination: number): number {
    return this.words[destination * WORDS + UPPER];
  }

  lowerThreshold(destination: number): number {
    return this.words[destination * WORDS + LOWER];
  }

  persistentConnections(destination: number): number {
    return this.words[destination * WORDS + PERSISTENT];
  }

  references(destination: number): number {
    return this.words[destination * WORDS + REFERENCES];
  }

  /** A new connection (inactive at first) or template is bound to the destination. */
  bind(destination: number, isTemplate: boolean): void {
    const base = destination * WORDS;
    this.words[base + REFERENCES]++;
    this.words[base + (isTemplate ? PERSISTENT : INACTIVE)]++;
    const upper = this.words[base + UPPER];
    const total = this.words[base + ACTIVE] + this.words[base + INACTIVE];
    if (upper !== 0 && total >= upper) this.words[base + FLAGS] |= FLAG_OVERLOAD;
  }

  /** Counts a connection or template in that was bound in an earlier run. */
  count(destination: number, isTemplate: boolean, isInactive: boolean): void {
    const base = destination * WORDS;
    this.words[base + REFERENCES]++;
    if (isTemplate) this.words[base + PERSISTENT]++;
    else this.words[base + (isInactive ? INACTIVE : ACTIVE)]++;
  }

  /** A connection or template of the destination is gone. */
  unbind(destination: number, isTemplate: boolean, wasInactive: boolean): void {
    const base = destination * WORDS;
    this.words[base + REFERENCES]--;
    if (isTemplate) this.words[base + PERSISTENT]--;
    else this.words[base + (wasInactive ? INACTIVE : ACTIVE)]--;
    this.relieve(destination);
  }

  /** Takes the overload back where there are few enough connections again. */
  relieve(destination: number): void {
    const base = destination * WORDS;
    const total = this.words[base + ACTIVE] + this.words[base + INACTIVE];
    const upper = this.words[base + UPPER];
    const lower = this.words[base + LOWER];
    const relieved = lower !== 0 ? total < lower : upper === 0 || total * 4 < upper * 3;
    if (relieved) this.words[base + FLAGS] &= ~FLAG_OVERLOAD;
  }

  /** A connection changed between inactive and active. */
  activate(destination: number): void {
    this.words[destination * WORDS + INACTIVE]--;
    this.words[destination * WORDS + ACTIVE]++;
  }

  deactivate(destination: number): void {
    this.words[destination * WORDS + ACTIVE]--;
    this.words[destination * WORDS + INACTIVE]++;
  }

  /** Since when (tick) nothing refers to a deleted destination; `isIdle` says whether that has been noted. */
  isIdle(destination: number): boolean {
    return (this.words[destination * WORDS + FLAGS] & FLAG_IDLE) !== 0;
  }

  idleSince(destination: number): number {
    return this.words[destination * WORDS + IDLE_SINCE];
  }

  noteIdle(destination: number, now: number): void {
    this.words[destination * WORDS + FLAGS] |= FLAG_IDLE;
    this.words[destination * WORDS + IDLE_SINCE] = now;
  }

  clearIdle(destination: number): void {
    this.words[destination * WORDS + FLAGS] &= ~FLAG_IDLE;
  }

  /** The remembered way to the destination, valid while `hopGeneration` is the routes' generation. */
  hop(destination: number): number {
    return this.words[destination * WORDS + HOP];
  }

  hopGeneration(destination: number): number {
    return this.words[destination * WORDS + HOP_GENERATION];
  }

  setHop(destination: number, hop: number, generation: number): void {
    this.words[destination * WORDS + HOP] = hop;
    this.words[destination * WORDS + HOP_GENERATION] = generation;
  }

  // What schedulers see.

  first(service: number): number {
    return this.services.first(service);
  }

  next(destination: number): number {
    return this.words[destination * WORDS + NEXT];
  }

  weight(destination: number): number {
    return this.words[destination * WORDS + WEIGHT];
  }

  lastWeight(destination: number): number {
    return this.words[destination * WORDS + LAST_WEIGHT];
  }

  activeConnections(destination: number): number {
    return this.words[destination * WORDS + ACTIVE];
  }

  inactiveConnections(destination: number): number {
    return this.words[destination * WORDS + INACTIVE];
  }

  isOverloaded(destination: number): boolean {
    return (this.words[destination * WORDS + FLAGS] & FLAG_OVERLOAD) !== 0;
  }

  isAvailable(destination: number): boolean {
    return (this.words[destination * WORDS + FLAGS] & FLAG_AVAILABLE) !== 0;
  }

  address(destination: number): number {
    return this.words[destination * WORDS + ADDRESS];
  }

  port(destination: number): number {
    return this.words[destination * WORDS + PORT];
  }

  schedulerFlags(service: number): number {
    return this.services.flags(service) & SERVICE_SCHEDULER_FLAGS;
  }

  hold(destination: number): void {
    this.words[destination * WORDS + REFERENCES]++;
  }

  release(destination: number): void {
    this.words[destination * WORDS + REFERENCES]--;
  }

  schedulerWord(service: number, index: number): number {
    return this.services.schedulerWord(service, index);
  }

  setSchedulerWord(service: number, index: number, value: number): void {
    this.services.setSchedulerWord(service, index, value);
  }
}
