/**
 * How loaded a destination is, and how two loads per weight compare. Of the destinations that are equally
 * loaded the first in the list wins, which is the one added last.
 */
import { BoundScheduler } from './bound.js';
import type { Destinations } from './scheduler.js';

/** An active connection costs as much as this many inactive ones. */
const ACTIVE_COST = 256;
const HALF_BITS = 0x10000;

/** A destination's connections as one number, the active ones weighing 256 times the inactive ones. */
export function connectionOverhead(destinations: Destinations, destination: number): number {
  return (
    destinations.activeConnections(destination) * ACTIVE_COST +
    destinations.inactiveConnections(destination)
  );
}

/**
 * a * b > c * d exactly, for integers a, c below 2^36 and b, d below 2^31: the products don't fit into a
 * double, so they are compared in two parts.
 */
export function productExceeds(a: number, b: number, c: number, d: number): boolean {
  const left = a * b;
  const right = c * d;
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left > right;
  const lowLeft = a * (b % HALF_BITS);
  const lowRight = c * (d % HALF_BITS);
  const highLeft = a * Math.floor(b / HALF_BITS) + Math.floor(lowLeft / HALF_BITS);
  const highRight = c * Math.floor(d / HALF_BITS) + Math.floor(lowRight / HALF_BITS);
  if (highLeft !== highRight) return highLeft > highRight;
  return lowLeft % HALF_BITS > lowRight % HALF_BITS;
}

/** Chooses the destination with the least cost per weight. */
export abstract class LeastCostPerWeight extends BoundScheduler {
  protected abstract cost(destination: number): number;

  pick(_clientAddress: number, _clientPort: number, _virtualAddress: number, _now: number): number {
    const table = this.destinations;
    let least = 0;
    let leastCost = 0;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      if (!this.canTake(d)) continue;
      const cost = this.cost(d);
      if (least === 0 || productExceeds(leastCost, table.weight(d), cost, table.weight(least))) {
        least = d;
        leastCost = cost;
      }
    }
    return least;
  }
}
