/**
 * sh, source hashing: 256 buckets shared out by weight; a client's address (with the flag sh-port also its
 * port) chooses the bucket. With sh-fallback a client whose server can't take it is hashed on to another one.
 */
import { BoundScheduler, canTake, schedulerType } from './bound.js';
import { multiplicativeHash } from './hash.js';

const BUCKET_BITS = 8;
const BUCKETS = 1 << BUCKET_BITS;
const FLAG_FALLBACK = 8;
const FLAG_PORT = 16;

function bucketOf(address: number, port: number, offset: number): number {
  return (offset + multiplicativeHash((address + port) | 0, BUCKET_BITS)) & (BUCKETS - 1);
}

class SourceHash extends BoundScheduler {
  readonly isForeseeable = false;

  private readonly buckets = new Int32Array(BUCKETS);
  /** The destinations have changed: the buckets are filled anew when they are next looked at, however many did. */
  private isStale = true;

  pick(clientAddress: number, clientPort: number): number {
    if (this.isStale) this.shareOut();
    const flags = this.destinations.schedulerFlags(this.service);
    const port = (flags & FLAG_PORT) === 0 ? 0 : clientPort;
    const own = bucketOf(clientAddress, port, 0);
    const chosen = this.buckets[own];
    if (chosen === 0 || canTake(this.destinations, chosen)) return chosen;
    if ((flags & FLAG_FALLBACK) === 0) return 0;
    for (let offset = 0; offset < BUCKETS; offset++) {
      const other = this.buckets[bucketOf(clientAddress, port, offset + own)];
      if (canTake(this.destinations, other)) return other;
    }
    return 0;
  }

  override added(): void {
    this.isStale = true;
  }

  override updated(): void {
    this.isStale = true;
  }

  override removed(): void {
    this.isStale = true;
  }

  /** Lap by lap over the list, each destination fills as many buckets as its weight says, at least one. */
  private shareOut(): void {
    this.isStale = false;
    const table = this.destinations;
    let destination = table.first(this.service);
    let filled = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.buckets[bucket] = destination;
      if (destination === 0 || ++filled < table.weight(destination)) continue;
      filled = 0;
      destination = table.next(destination);
      if (destination === 0) destination = table.first(this.service);
    }
  }
}

export const sh = schedulerType('sh', SourceHash);
