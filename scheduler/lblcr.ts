/**
 * lblcr, lblc with replication: an address that clients want has a set of servers. The least loaded of them
 * is chosen; when that one is overloaded while another server is half idle, the set grows, and when it
 * hasn't changed for a day its most loaded member leaves.
 */
import { canTake, schedulerType } from './bound.js';
import { EXPIRATION_TICKS, type LocalityEntry } from './cache.js';
import { connectionOverhead, productExceeds } from './load.js';
import { LocalityScheduler } from './locality.js';

class LocalityBasedWithReplication extends LocalityScheduler {
  override pick(
    clientAddress: number,
    clientPort: number,
    virtualAddress: number,
    now: number,
  ): number {
    const entry = this.cache.find(virtualAddress);
    if (entry !== undefined) {
      const member = this.fromSet(entry, now);
      if (member !== 0 && !this.hasIdlerRival(member)) return member;
    }
    const chosen = super.pick(clientAddress, clientPort, virtualAddress, now);
    if (chosen === 0) return 0;
    if (entry === undefined) this.cache.create(virtualAddress, chosen, now);
    else this.cache.include(entry, chosen, now);
    return chosen;
  }

  /** The least loaded member, 0 if none can take a connection. A set that has long stood still shrinks. */
  private fromSet(entry: LocalityEntry, now: number): number {
    entry.lastUse = now;
    const least = this.leastLoaded(entry);
    if (entry.members.length > 1 && ((now - entry.lastChange) | 0) > EXPIRATION_TICKS) {
      this.cache.exclude(entry, this.mostLoaded(entry), now);
    }
    return least;
  }

  /** By wlc's rule; of equally loaded members the one that joined last wins. */
  private leastLoaded(entry: LocalityEntry): number {
    const table = this.destinations;
    let least = 0;
    let leastCost = 0;
    let leastWeight = 0;
    for (let i = entry.members.length - 1; i >= 0; i--) {
      const member = entry.members[i];
      if (!table.isAvailable(member) || !canTake(table, member)) continue;
      const weight = table.weight(member);
      const cost = connectionOverhead(table, member);
      if (least !== 0 && !productExceeds(leastCost, weight, cost, leastWeight)) continue;
      least = member;
      leastCost = cost;
      leastWeight = weight;
    }
    return least;
  }

  /** The member with the most connections per weight, 0 if all weigh nothing. */
  private mostLoaded(entry: LocalityEntry): number {
    const table = this.destinations;
    let most = 0;
    let mostCost = 0;
    for (let i = entry.members.length - 1; i >= 0; i--) {
      const member = entry.members[i];
      if (table.weight(member) === 0) continue;
      const cost = connectionOverhead(table, member);
      if (most === 0 || productExceeds(cost, table.weight(most), mostCost, table.weight(member))) {
        most = member;
        mostCost = cost;
      }
    }
    return most;
  }
}

export const lblcr = schedulerType('lblcr', LocalityBasedWithReplication);
