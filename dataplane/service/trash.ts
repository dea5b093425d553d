/**
 * Deleted destinations. As in ip_vs one is kept while connections refer to it, so that it can be added again
 * with its connections and counters, and freed once it has been idle for two minutes; a look is taken every
 * minute from the moment the trash stops being empty.
 */
import { ticksUntil, TICKS_PER_SECOND } from '../clock.js';
import type { DestinationTable } from './destinations.js';
import type { ServiceTable } from './services.js';

const PERIOD_TICKS = 60 * TICKS_PER_SECOND;
const IDLE_TICKS = 120 * TICKS_PER_SECOND;

export class Trash {
  private readonly deleted: number[] = [];
  private nextLook = 0;

  constructor(
    private readonly destinations: DestinationTable,
    private readonly services: ServiceTable,
  ) {}

  /** Deleted destinations, in no particular order. */
  get entries(): readonly number[] {
    return this.deleted;
  }

  put(destination: number, now: number): void {
    if (this.deleted.length === 0) this.nextLook = (now + PERIOD_TICKS) | 0;
    this.destinations.clearIdle(destination);
    this.deleted.push(destination);
  }

  /** Takes out a destination that was deleted from a service of the same identity, 0 if there is none. */
  take(service: number, address: number, port: number): number {
    const { services } = this;
    const index = this.indexOf(
      services.protocol(service),
      services.address(service),
      services.port(service),
      address,
      port,
    );
    return index < 0 ? 0 : this.deleted.splice(index, 1)[0];
  }

  /** True where a destination of a service of this identity is there, as `take` would find it. */
  has(
    protocol: number,
    virtualAddress: number,
    virtualPort: number,
    address: number,
    port: number,
  ): boolean {
    return this.indexOf(protocol, virtualAddress, virtualPort, address, port) >= 0;
  }

  /** Looks after the trash once a minute. @returns true where something was freed. */
  advance(now: number): boolean {
    if (this.deleted.length === 0 || ticksUntil(this.nextLook, now) > 0) return false;
    const due = this.nextLook;
    this.nextLook = (now + PERIOD_TICKS) | 0;
    const before = this.deleted.length;
    for (let i = before - 1; i >= 0; i--) {
      const d = this.deleted[i];
      if (this.destinations.references(d) > 0) this.destinations.clearIdle(d);
      else if (!this.destinations.isIdle(d)) this.destinations.noteIdle(d, due);
      else if (ticksUntil(due, this.destinations.idleSince(d)) >= IDLE_TICKS) {
        this.destinations.free(d);
        this.deleted.splice(i, 1);
      }
    }
    return this.deleted.length < before;
  }

  /** Finds the deleted destinations among the records, as after a restart. */
  rebuild(now: number): void {
    this.deleted.length = 0;
    for (let d = 1; d <= this.destinations.highWater; d++) {
      if (this.destinations.isLive(d) && !this.destinations.isAvailable(d)) this.put(d, now);
    }
  }

  private indexOf(
    protocol: number,
    virtualAddress: number,
    virtualPort: number,
    address: number,
    port: number,
  ): number {
    const { destinations } = this;
    return this.deleted.findIndex(
      (d) =>
        destinations.address(d) === address &&
        destinations.port(d) === port &&
        destinations.virtualProtocol(d) === protocol &&
        destinations.virtualAddress(d) === virtualAddress &&
        destinations.virtualPort(d) === virtualPort,
    );
  }
}
