/**
 * lblc, locality-based least connection, for caches: an address that clients want stays with the server that
 * had it last, until that one is overloaded while another one is half idle. New addresses go by wlc.
 */
import { schedulerType } from './bound.js';
import { LocalityScheduler } from './locality.js';

class LocalityBased extends LocalityScheduler {
  override pick(
    clientAddress: number,
    clientPort: number,
    virtualAddress: number,
    now: number,
  ): number {
    const entry = this.cache.find(virtualAddress);
    const cached = entry === undefined ? 0 : entry.members[0];
    if (entry !== undefined) entry.lastUse = now;
    if (cached !== 0 && this.isUsable(cached) && !this.hasIdlerRival(cached)) return cached;
    const chosen = super.pick(clientAddress, clientPort, virtualAddress, now);
    if (chosen === 0 || chosen === cached) return chosen;
    if (entry === undefined) {
      this.cache.create(virtualAddress, chosen, now);
    } else {
      this.cache.exclude(entry, cached, now);
      this.cache.include(entry, chosen, now);
    }
    return chosen;
  }
}

export const lblc = schedulerType('lblc', LocalityBased);
