/**
 * mh, Maglev hashing: a client's address (with the flag mh-port also its port) chooses one of 4093 slots.
 * Every destination claims its share of the slots along a permutation of its own, so that adding or removing
 * one moves few of the others' clients. With mh-fallback a client whose server can't take it is hashed on.
 *
 * Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", section 3.4.
 */
import { BoundScheduler, canTake, schedulerType } from './bound.js';
import { sipHash13 } from './hash.js';
import { greatestCommonDivisor } from './weights.js';

/** A prime. */
const SLOTS = 4093;
/** Weights are scaled down so that the heaviest claims less than 2^6 slots a lap. */
const TURNS_BITS = 6;
const SLOT_KEY = 2654435761;
const SKIP_KEY = 2654446892;
const FLAG_FALLBACK = 8;
const FLAG_PORT = 16;

/** A destination's way through the slots while they are being filled. */
interface Claimant {
  destination: number;
  position: number;
  skip: number;
  slotsPerLap: number;
}

function slotOf(address: number, port: number, offset: number): number {
  return sipHash13((offset + port + address) | 0, SLOT_KEY) % SLOTS;
}

class MaglevHash extends BoundScheduler {
  readonly isForeseeable = false;

  private readonly slots = new Int32Array(SLOTS);
  /** The destinations have changed: the slots are filled anew when they are next looked at, however many did. */
  private isStale = true;

  pick(clientAddress: number, clientPort: number): number {
    if (this.isStale) this.populate();
    const flags = this.destinations.schedulerFlags(this.service);
    const port = (flags & FLAG_PORT) === 0 ? 0 : clientPort;
    const own = slotOf(clientAddress, port, 0);
    const chosen = this.slots[own];
    if (chosen === 0 || canTake(this.destinations, chosen)) return chosen;
    if ((flags & FLAG_FALLBACK) === 0) return 0;
    for (let offset = 0; offset < SLOTS; offset++) {
      const other = this.slots[slotOf(clientAddress, port, (offset + own) % SLOTS)];
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

  /** Lap by lap over the list, each destination claims free slots along its permutation. */
  private populate(): void {
    this.isStale = false;
    // Of more destinations than slots those that were added first have them.
    const claimants = this.claimants().slice(-SLOTS);
    this.slots.fill(0);
    if (claimants.length === 0) return;
    let taken = 0;
    while (taken < SLOTS) {
      for (const claimant of claimants) {
        for (let i = 0; i < claimant.slotsPerLap && taken < SLOTS; i++) {
          this.claim(claimant);
          taken += 1;
        }
      }
    }
  }

  private claim(claimant: Claimant): void {
    while (this.slots[claimant.position] !== 0) {
      claimant.position = (claimant.position + claimant.skip) % SLOTS;
    }
    this.slots[claimant.position] = claimant.destination;
  }

  /**
   * Those who get slots, in list order. The latest weight that wasn't 0 counts, so that quiescing a
   * destination moves nobody else's clients; one that never had a weight gets none.
   */
  private claimants(): Claimant[] {
    const table = this.destinations;
    let divisor = 0;
    let highest = 0;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      const weight = table.lastWeight(d);
      if (weight > 0) divisor = greatestCommonDivisor(weight, divisor);
      if (weight > highest) highest = weight;
    }
    const claimants: Claimant[] = [];
    if (divisor === 0) return claimants;
    const bitLength = 32 - Math.clz32(highest / divisor);
    const shift = Math.max(0, bitLength - TURNS_BITS);
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      const weight = table.lastWeight(d);
      if (weight === 0) continue;
      const name = (table.address(d) + table.port(d)) | 0;
      claimants.push({
        destination: d,
        position: sipHash13(name, SLOT_KEY) % SLOTS,
        skip: (sipHash13(name, SKIP_KEY) % (SLOTS - 1)) + 1,
        slotsPerLap: Math.max(1, (weight / divisor) >> shift),
      });
    }
    return claimants;
  }
}

export const mh = schedulerType('mh', MaglevHash);
