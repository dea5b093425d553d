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
  /** Places in `deleted`: of a destination, and of the one with an identity. */
  private readonly places = new Map<number, number>();
  private readonly identities = new Map<string, number>();
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
    this.identities.set(this.identityOf(destination), destination);
    this.places.set(destination, this.deleted.push(destination) - 1);
  }

  /** Takes out a destination that was deleted from a service of the same identity, 0 if there is none. */
  take(service: number, address: number, port: number): number {
    const { services } = this;
    const identity = identityText(
      services.protocol(service),
      services.address(service),
      services.port(service),
      address,
      port,
    );
    const destination = this.identities.get(identity) ?? 0;
    if (destination !== 0) this.remove(destination);
    return destination;
  }

  /** True where a destination of a service of this identity is there, as `take` would find it. */
  has(
    protocol: number,
    virtualAddress: number,
    virtualPort: number,
    address: number,
    port: number,
  ): boolean {
    return this.identities.has(identityText(protocol, virtualAddress, virtualPort, address, port));
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
        this.remove(d);
        this.destinations.free(d);
      }
    }
    return this.deleted.length < before;
  }

  /** Finds the deleted destinations among the records, as after a restart. */
  rebuild(now: number): void {
    this.deleted.length = 0;
    this.places.clear();
    this.identities.clear();
    for (let d = 1; d <= this.destinations.highWater; d++) {
      if (this.destinations.isLive(d) && !this.destinations.isAvailable(d)) this.put(d, now);
    }
  }

  /** The last one takes the place of the one that goes. */
  private remove(destination: number): void {
    const place = this.places.get(destination);
    if (place === undefined) return;
    const last = this.deleted[this.deleted.length - 1];
    this.deleted[place] = last;
    this.places.set(last, place);
    this.deleted.pop();
    this.places.delete(destination);
    const identity = this.identityOf(destination);
    if (this.identities.get(identity) === destination) this.identities.delete(identity);
  }

  private identityOf(d: number): string {
    const { destinations } = this;
    return identityText(
      destinations.virtualProtocol(d),
      destinations.virtualAddress(d),
      destinations.virtualPort(d),
      destinations.address(d),
      destinations.port(d),
    );
  }
}

function identityText(
  protocol: number,
  virtualAddress: number,
  virtualPort: number,
  address: number,
  port: number,
): string {
  return `${protocol} ${virtualAddress} ${virtualPort} ${address} ${port}`;
}
