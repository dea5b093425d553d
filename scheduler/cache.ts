/**
 * The memory of lblc and lblcr: which destinations an address that clients want has been served by. Entries
 * nobody uses are thrown out, at the rates and limits of the kernel.
 */
import type { Destinations } from './scheduler.js';

const TICKS_PER_SECOND = 100;
/** How often the cache is looked over. */
const CHECK_SECONDS = 60;
/** Every so many checks of a cache that isn't too large all of it is looked at. */
const CHECKS_PER_FULL_CHECK = 30;
/** `lblc_expiration` and `lblcr_expiration`: a full check removes entries unused for this long. */
export const EXPIRATION_TICKS = 86_400 * TICKS_PER_SECOND;
/** In a cache with more entries than this, those unused for six minutes go. */
const SIZE_TARGET = 16_384;
const IDLE_TICKS = 360 * TICKS_PER_SECOND;
/** Most entries removed by one check of a cache that is too large, give or take the last one's. */
const REMOVED_PER_CHECK = SIZE_TARGET / 2;
/** A full cache takes no new entries; their connections are scheduled all the same. */
const SIZE_LIMIT = 4 * SIZE_TARGET;

export interface LocalityEntry {
  lastUse: number;
  lastChange: number;
  /** Destinations, the one added last at the end. The cache holds each of them. */
  readonly members: number[];
}

export class LocalityCache {
  private readonly entries = new Map<number, LocalityEntry>();
  private secondsUntilCheck = CHECK_SECONDS;
  private quietChecks = 1;

  constructor(private readonly destinations: Destinations) {}

  get size(): number {
    return this.entries.size;
  }

  find(address: number): LocalityEntry | undefined {
    return this.entries.get(address);
  }

  /** A new entry with one member, unless the cache is full. */
  create(address: number, destination: number, now: number): void {
    if (this.entries.size >= SIZE_LIMIT) return;
    const entry: LocalityEntry = { lastUse: now, lastChange: now, members: [] };
    this.entries.set(address, entry);
    this.include(entry, destination, now);
  }

  /** Makes the destination a member, if it isn't one. */
  include(entry: LocalityEntry, destination: number, now: number): void {
    if (entry.members.includes(destination)) return;
    entry.members.push(destination);
    entry.lastChange = now;
    this.destinations.hold(destination);
  }

  exclude(entry: LocalityEntry, destination: number, now: number): void {
    const index = entry.members.indexOf(destination);
    if (index < 0) return;
    entry.members.splice(index, 1);
    entry.lastChange = now;
    this.destinations.release(destination);
  }

  clear(): void {
    for (const address of this.entries.keys()) this.remove(address);
  }

  /** To be called once a second. */
  tick(now: number): void {
    this.secondsUntilCheck -= 1;
    if (this.secondsUntilCheck > 0) return;
    this.secondsUntilCheck = CHECK_SECONDS;
    if (this.quietChecks === CHECKS_PER_FULL_CHECK) {
      this.quietChecks = 1;
      this.removeUnused(now, EXPIRATION_TICKS, this.entries.size);
    } else if (this.entries.size <= SIZE_TARGET) {
      this.quietChecks += 1;
    } else {
      const surplus = Math.floor(((this.entries.size - SIZE_TARGET) * 4) / 3);
      this.removeUnused(now, IDLE_TICKS, Math.min(surplus, REMOVED_PER_CHECK));
    }
  }

  /** Removes up to `goal` entries unused for at least `idleTicks`, the oldest entries first. */
  private removeUnused(now: number, idleTicks: number, goal: number): void {
    let left = goal;
    for (const [address, entry] of this.entries) {
      if (left === 0) return;
      if (((now - entry.lastUse) | 0) < idleTicks) continue;
      this.remove(address);
      left -= 1;
    }
  }

  private remove(address: number): void {
    const entry = this.entries.get(address);
    if (entry === undefined) return;
    for (const destination of entry.members) this.destinations.release(destination);
    this.entries.delete(address);
  }
}
