/**
 * Virtual services: records in a region, found by (protocol, address, port).
 *
 *     word   0      1         2           3        4       5         6         7          8        9
 *          +------+---------+-----------+--------+-------+---------+---------+----------+--------+--------+
 *          | mark | address | proto|port| fwmark | flags | timeout | netmask | scheduler| serial | first  |
 *          +------+---------+-----------+--------+-------+---------+---------+----------+--------+--------+
 *     word   10     11      12..15             16
 *          +------+-------+------------------+---------------
 *          |number| next  | scheduler's words| unused to 31
 *          +------+-------+------------------+---------------
 *
 * `first` is the head of the list of destinations, `number` how many there are; `next` chains free records
 * and hash buckets. The list of all services is in insertion order, newest first. Services are looked up for
 * packets without a connection only.
 */
import { SCHEDULERS } from '../../scheduler/registry.js';
import { SCHEDULER_WORDS } from '../../scheduler/scheduler.js';
import { TIMEOUT_MAX_TICKS } from '../clock.js';
import { Region, VALID, type RecordLayout } from '../memory/region.js';

export const SERVICE_LAYOUT: RecordLayout = { kind: 2, version: 1, recordWords: 32 };

const WORDS = SERVICE_LAYOUT.recordWords;
const ADDRESS = 1;
const PROTOCOL_PORT = 2;
const FWMARK = 3;
const FLAGS = 4;
const TIMEOUT = 5;
const NETMASK = 6;
const SCHEDULER = 7;
const SERIAL = 8;
const FIRST = 9;
const NUMBER = 10;
const NEXT = 11;
const SCHEDULER_STATE = 12;
const BUCKETS = 4096;
const SERIAL_MAX = 0x7fffffff;

/** Service flags: ip_vs's own numbers. The scheduler flags are 0x08, 0x10 and 0x20. */
export const SERVICE_PERSISTENT = 0x01;
export const SERVICE_ONE_PACKET = 0x04;
export const SERVICE_SCHEDULER_FLAGS = 0x38;

const KNOWN_FLAGS = SERVICE_PERSISTENT | SERVICE_SCHEDULER_FLAGS;

const PROTOCOL_TCP = 6;
const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
const FIRST_UNPRIVILEGED_PORT = 1024;

export class ServiceTable {
  readonly words: Int32Array;
  count = 0;
  /** Services on port 0 and on port 21: packets to other ports may be theirs. */
  private portZeroServices = 0;
  private ftpServices = 0;
  private freeHead = 0;
  private lastSerial = 0;
  private readonly buckets = new Int32Array(BUCKETS);

  constructor(private readonly region: Region) {
    this.words = region.words;
  }

  get highWater(): number {
    return this.region.highWater;
  }

  get capacity(): number {
    return this.region.capacity;
  }

  /** Makes sure of the memory for more services. */
  makeRoom(more: number): boolean {
    return this.region.makeRoom(more);
  }

  isLive(service: number): boolean {
    return this.region.isValid(service);
  }

  /** Exactly this service, 0 if there is none. */
  find(protocol: number, address: number, port: number): number {
    const key = (protocol << 16) | port;
    let s = this.buckets[bucketOf(address, key)];
    for (let steps = 0; s !== 0 && steps <= this.region.capacity; steps++) {
      const base = s * WORDS;
      if (this.words[base + ADDRESS] === address && this.words[base + PROTOCOL_PORT] === key) {
        return s;
      }
      s = this.words[base + NEXT];
    }
    return 0;
  }

  /** The service a packet to (address, port) is for: exact, else FTP's data ports, else port 0. */
  lookup(protocol: number, address: number, port: number): number {
    let service = this.find(protocol, address, port);
    if (service === 0 && this.ftpServices > 0 && protocol === PROTOCOL_TCP) {
      if (port === FTP_DATA_PORT || port >= FIRST_UNPRIVILEGED_PORT) {
        service = this.find(protocol, address, FTP_PORT);
      }
    }
    if (service === 0 && this.portZeroServices > 0) service = this.find(protocol, address, 0);
    return service;
  }

  /** @returns the new service, 0 where the table is full. */
  add(protocol: number, address: number, port: number): number {
    let s = this.freeHead;
    if (s !== 0) this.freeHead = this.words[s * WORDS + NEXT];
    else s = this.region.takeNew();
    if (s === 0) return 0;
    this.region.keep(s);
    const base = s * WORDS;
    this.words.fill(0, base, base + WORDS);
    this.words[base + ADDRESS] = address;
    this.words[base + PROTOCOL_PORT] = (protocol << 16) | port;
    this.lastSerial = this.lastSerial === SERIAL_MAX ? 1 : this.lastSerial + 1;
    this.words[base + SERIAL] = this.lastSerial;
    this.link(s);
    this.words[base] = VALID;
    return s;
  }

  /** To be called before a command changes the service, its list or its scheduler's words. */
  keep(service: number): void {
    this.region.keep(service);
  }

  remove(service: number): void {
    this.region.keep(service);
    this.unlink(service);
    this.words[service * WORDS] = 0;
    this.words[service * WORDS + NEXT] = this.freeHead;
    this.freeHead = service;
  }

  /**
   * Builds index and free list anew from the records, those that no director can have written left out. Lists of
   * destinations begin empty.
   * @returns how many records were damaged
   */
  rebuild(): number {
    this.buckets.fill(0);
    this.count = this.portZeroServices = this.ftpServices = this.freeHead = 0;
    let damaged = 0;
    for (let s = this.region.highWater; s >= 1; s--) {
      const base = s * WORDS;
      const mark = this.words[base];
      if (mark === VALID && this.isSound(s)) {
        this.words[base + FIRST] = this.words[base + NUMBER] = 0;
        this.link(s);
        this.lastSerial = Math.max(this.lastSerial, this.words[base + SERIAL]);
      } else {
        if (mark !== 0) damaged++;
        this.words[base] = 0;
        this.words[base + NEXT] = this.freeHead;
        this.freeHead = s;
      }
    }
    return damaged;
  }

  private isSound(service: number): boolean {
    const words = this.words;
    const base = service * WORDS;
    const timeout = words[base + TIMEOUT];
    const scheduler = words[base + SCHEDULER];
    return (
      this.protocol(service) === PROTOCOL_TCP &&
      words[base + FWMARK] === 0 &&
      (words[base + FLAGS] & ~KNOWN_FLAGS) === 0 &&
      timeout >= 0 &&
      timeout <= TIMEOUT_MAX_TICKS &&
      scheduler >= 0 &&
      scheduler <= SCHEDULERS.length &&
      words[base + SERIAL] > 0 &&
      this.find(PROTOCOL_TCP, words[base + ADDRESS], this.port(service)) === 0
    );
  }

  address(service: number): number {
    return this.words[service * WORDS + ADDRESS];
  }

  port(service: number): number {
    return this.words[service * WORDS + PROTOCOL_PORT] & 0xffff;
  }

  protocol(service: number): number {
    return this.words[service * WORDS + PROTOCOL_PORT] >>> 16;
  }

  fwmark(service: number): number {
    return this.words[service * WORDS + FWMARK];
  }

  /** Never the same for two services of one table, also when a record is used again. */
  serial(service: number): number {
    return this.words[service * WORDS + SERIAL];
  }

  flags(service: number): number {
    return this.words[service * WORDS + FLAGS];
  }

  isPersistent(service: number): boolean {
    return (this.words[service * WORDS + FLAGS] & SERVICE_PERSISTENT) !== 0;
  }

  /** Persistence timeout in ticks. */
  timeout(service: number): number {
    return this.words[service * WORDS + TIMEOUT];
  }

  netmask(service: number): number {
    return this.words[service * WORDS + NETMASK];
  }

  /** Number of the scheduler in the registry, 0 for none. */
  schedulerId(service: number): number {
    return this.words[service * WORDS + SCHEDULER];
  }

  setSchedulerId(service: number, id: number): void {
    this.region.keep(service);
    this.words[service * WORDS + SCHEDULER] = id;
  }

  configure(service: number, flags: number, timeoutTicks: number, netmask: number): void {
    this.region.keep(service);
    const base = service * WORDS;
    this.words[base + FLAGS] = flags;
    this.words[base + TIMEOUT] = timeoutTicks;
    this.words[base + NETMASK] = netmask;
  }

  first(service: number): number {
    return this.words[service * WORDS + FIRST];
  }

  setFirst(service: number, destination: number): void {
    this.words[service * WORDS + FIRST] = destination;
  }

  /** How many destinations the service has. */
  destinationCount(service: number): number {
    return this.words[service * WORDS + NUMBER];
  }

  addToDestinationCount(service: number, change: number): void {
    this.words[service * WORDS + NUMBER] += change;
  }

  schedulerWord(service: number, index: number): number {
    return this.words[service * WORDS + SCHEDULER_STATE + (index & (SCHEDULER_WORDS - 1))];
  }

  setSchedulerWord(service: number, index: number, value: number): void {
    this.words[service * WORDS + SCHEDULER_STATE + (index & (SCHEDULER_WORDS - 1))] = value;
  }

  private link(service: number): void {
    const base = service * WORDS;
    const bucket = bucketOf(this.words[base + ADDRESS], this.words[base + PROTOCOL_PORT]);
    this.words[base + NEXT] = this.buckets[bucket];
    this.buckets[bucket] = service;
    this.countSpecial(service, 1);
  }

  private unlink(service: number): void {
    const base = service * WORDS;
    const bucket = bucketOf(this.words[base + ADDRESS], this.words[base + PROTOCOL_PORT]);
    let s = this.buckets[bucket];
    if (s === service) {
      this.buckets[bucket] = this.words[base + NEXT];
    } else {
      while (this.words[s * WORDS + NEXT] !== service) s = this.words[s * WORDS + NEXT];
      this.words[s * WORDS + NEXT] = this.words[base + NEXT];
    }
    this.countSpecial(service, -1);
  }

  private countSpecial(service: number, change: number): void {
    this.count += change;
    const port = this.port(service);
    if (port === 0) this.portZeroServices += change;
    if (port === FTP_PORT && this.protocol(service) === PROTOCOL_TCP) this.ftpServices += change;
  }
}

function bucketOf(address: number, protocolPort: number): number {
  const mixed = Math.imul(address ^ Math.imul(protocolPort, 0x9e3779b1), 0x85ebca6b);
  return (mixed >>> 20) & (BUCKETS - 1);
}
