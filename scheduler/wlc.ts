/**
 * wlc, weighted least connection, the default: the destination with the fewest connections per weight. While
 * all are idle that is the one added last, whatever the weights.
 */
import { schedulerType } from './bound.js';
import { connectionOverhead, LeastCostPerWeight } from './load.js';

export class WeightedLeastConnection extends LeastCostPerWeight {
  protected cost(destination: number): number {
    return connectionOverhead(this.destinations, destination);
  }
}

export const wlc = schedulerType('wlc', WeightedLeastConnection);
