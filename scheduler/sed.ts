/**
 * sed, shortest expected delay: the destination that would have the fewest active connections per weight with
 * the new one counted, so that among idle ones the heaviest comes first.
 */
import { schedulerType } from './bound.js';
import { LeastCostPerWeight } from './load.js';

export class ShortestExpectedDelay extends LeastCostPerWeight {
  protected cost(destination: number): number {
    return this.destinations.activeConnections(destination) + 1;
  }
}

export const sed = schedulerType('sed', ShortestExpectedDelay);
