/**
 * dh, destination hashing: 256 buckets dealt out one by one whatever the weights; the address the client
 * wants chooses the bucket. A service with one VIP sends all its clients to one server.
 */
import { BoundScheduler, canTake, schedulerType } from './bound.js';
import { multiplicativeHash } from './hash.js';

const BUCKET_BITS = 8;
const BUCKETS = 1 << BUCKET_BITS;

class DestinationHash extends BoundScheduler {
  readonly isForeseeable = false;

  private readonly buckets = new Int32Array(BUCKETS);
  /** The destinations have changed: the buckets are filled anew when they are next looked at, however many did. */
  private isStale = true;

  pick(_clientAddress: number, _clientPort: number, virtualAddress: number): number {
    if (this.isStale) this.deal();
    const chosen = this.buckets[multiplicativeHash(virtualAddress, BUCKET_BITS)];
    return chosen !== 0 && canTake(this.destinations, chosen) ? chosen : 0;
  }

  override added(): void {
    this.isStale = true;
  }

  override removed(): void {
    this.isStale = true;
  }

  private deal(): void {
    this.isStale = false;
    const table = this.destinations;
    let destination = table.first(this.service);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.buckets[bucket] = destination;
      if (destination !== 0) destination = table.next(destination);
      if (destination === 0) destination = table.first(this.service);
    }
  }
}

export const dh = schedulerType('dh', DestinationHash);
