/** What lblc and lblcr share: the cache, and when a cached destination is no longer good enough. */
import { LocalityCache } from './cache.js';
import type { Destinations } from './scheduler.js';
import { WeightedLeastConnection } from './wlc.js';

/** Chooses by wlc's rule where the cache has no answer. */
export abstract class LocalityScheduler extends WeightedLeastConnection {
  protected readonly cache: LocalityCache;

  constructor(destinations: Destinations, service: number) {
    super(destinations, service);
    this.cache = new LocalityCache(destinations);
  }

  tick(now: number): void {
    this.cache.tick(now);
  }

  override unbind(): void {
    this.cache.clear();
  }

  /** Neither deleted nor quiesced. The upper threshold isn't asked for. */
  protected isUsable(destination: number): boolean {
    return this.destinations.isAvailable(destination) && this.destinations.weight(destination) > 0;
  }

  /** More active connections than weight, while another server has less than half as many as its weight. */
  protected hasIdlerRival(destination: number): boolean {
    const table = this.destinations;
    if (table.activeConnections(destination) <= table.weight(destination)) return false;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      if (table.activeConnections(d) * 2 < table.weight(d)) return true;
    }
    return false;
  }
}
