/** A destination table of plain objects, for schedulers' tests. */
import type { Destinations, Scheduler } from '../../../scheduler/scheduler.js';
import { SCHEDULER_WORDS } from '../../../scheduler/scheduler.js';
import { schedulerByName } from '../../../scheduler/registry.js';

export interface FakeDestination {
  name: string;
  weight: number;
  lastWeight: number;
  active: number;
  inactive: number;
  overloaded: boolean;
  available: boolean;
  address: number;
  port: number;
  holds: number;
  next: number;
}

export const VIP = 0x0a010064;
const SERVICE = 1;

export function ipv4(text: string): number {
  return text.split('.').reduce((value, byte) => (value << 8) | Number(byte), 0);
}

/** One service with a scheduler. Destinations are known by their names. */
export class FakeService implements Destinations {
  readonly rows: FakeDestination[] = [];
  readonly words = new Int32Array(SCHEDULER_WORDS);
  flags = 0;
  private head = 0;
  private bound: Scheduler;

  constructor(readonly schedulerName: string) {
    this.bound = this.bindScheduler(true);
  }

  /** Adds destinations written as "A:3", in that order; the address is 192.168.1.10 and up. */
  add(...texts: string[]): void {
    for (const text of texts) {
      const [name, weight] = text.split(':');
      this.link(name, Number(weight));
    }
  }

  remove(name: string): void {
    const number = this.numberOf(name);
    const row = this.rows[number - 1];
    if (this.head === number) this.head = row.next;
    else this.rows[this.numberBefore(number) - 1].next = row.next;
    row.available = false;
    this.bound.removed(number);
  }

  setWeight(name: string, weight: number): void {
    const row = this.row(name);
    row.weight = weight;
    if (weight !== 0) row.lastWeight = weight;
    this.bound.updated(this.numberOf(name));
  }

  row(name: string): FakeDestination {
    return this.rows[this.numberOf(name) - 1];
  }

  /** Name of the destination picked for a client, '-' for none. */
  pick(client = '10.0.0.100', port = 0, virtualAddress = VIP, now = 0): string {
    const number = this.bound.pick(ipv4(client), port, virtualAddress, now);
    return number === 0 ? '-' : this.rows[number - 1].name;
  }

  /** Names picked one after the other, with no connection counted. */
  picks(count: number): string {
    let names = '';
    for (let i = 0; i < count; i++) names += this.pick();
    return names;
  }

  /** As `picks`, each pick counted as an active connection. */
  connect(count: number): string {
    let names = '';
    for (let i = 0; i < count; i++) {
      const name = this.pick();
      if (name !== '-') this.row(name).active += 1;
      names += name;
    }
    return names;
  }

  /** As after a restart of the data plane: another instance, the same state words. */
  restart(): void {
    this.bound = this.bindScheduler(false);
  }

  tick(now: number): void {
    this.bound.tick?.(now);
  }

  unbind(): void {
    this.bound.unbind();
  }

  first(): number {
    return this.head;
  }
  next(destination: number): number {
    return this.rows[destination - 1].next;
  }
  weight(destination: number): number {
    return this.rows[destination - 1].weight;
  }
  lastWeight(destination: number): number {
    return this.rows[destination - 1].lastWeight;
  }
  activeConnections(destination: number): number {
    return this.rows[destination - 1].active;
  }
  inactiveConnections(destination: number): number {
    return this.rows[destination - 1].inactive;
  }
  isOverloaded(destination: number): boolean {
    return this.rows[destination - 1].overloaded;
  }
  isAvailable(destination: number): boolean {
    return this.rows[destination - 1].available;
  }
  address(destination: number): number {
    return this.rows[destination - 1].address;
  }
  port(destination: number): number {
    return this.rows[destination - 1].port;
  }
  schedulerFlags(): number {
    return this.flags;
  }
  hold(destination: number): void {
    this.rows[destination - 1].holds += 1;
  }
  release(destination: number): void {
    this.rows[destination - 1].holds -= 1;
  }
  schedulerWord(_service: number, index: number): number {
    return this.words[index];
  }
  setSchedulerWord(_service: number, index: number, value: number): void {
    this.words[index] = value;
  }

  private link(name: string, weight: number): void {
    this.rows.push({
      name,
      weight,
      lastWeight: weight,
      active: 0,
      inactive: 0,
      overloaded: false,
      available: true,
      address: ipv4('192.168.1.10') + this.rows.length,
      port: 80,
      holds: 0,
      next: this.head,
    });
    this.head = this.rows.length;
    this.bound.added(this.head);
  }

  private bindScheduler(fresh: boolean): Scheduler {
    const type = schedulerByName(this.schedulerName);
    if (type === undefined) throw new Error(`no scheduler ${this.schedulerName}`);
    return type.bind(this, SERVICE, fresh);
  }

  private numberOf(name: string): number {
    return this.rows.findLastIndex((row) => row.name === name) + 1;
  }

  private numberBefore(number: number): number {
    return this.rows.findIndex((row) => row.available && row.next === number) + 1;
  }
}

/** A service with destinations written as "A:3". */
export function serviceWith(schedulerName: string, ...destinations: string[]): FakeService {
  const service = new FakeService(schedulerName);
  service.add(...destinations);
  return service;
}
