/**
 * wlc, weighted least connection, the default: the destination with the fewest connections per weight. While
 * all are idle that is the one added last, whatever the weights.
 */
import { BoundScheduler, schedulerType } from './bound.js';
import { leastCostPerWeight, OVERHEAD } from './load.js';

export class WeightedLeastConnection extends BoundScheduler {
  readonly isForeseeable = false;

  pick(_clientAddress: number, _clientPort: number, _virtualAddress: number, _now: number): number {
    return leastCostPerWeight(this.destinations, this.service, OVERHEAD);
  }
}

export const wlc = schedulerType('wlc', WeightedLeastConnection);
