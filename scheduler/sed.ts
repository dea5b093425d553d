/**
 * sed, shortest expected delay: the destination that would have the fewest active connections per weight with
 * the new one counted, so that among idle ones the heaviest comes first.
 */
import { BoundScheduler, schedulerType } from './bound.js';
import { leastCostPerWeight, type Cost } from './load.js';

export const DELAY: Cost = { active: 1, inactive: 0, own: 1, idleFirst: false };

class ShortestExpectedDelay extends BoundScheduler {
  readonly isForeseeable = false;

  pick(): number {
    return leastCostPerWeight(this.destinations, this.service, DELAY);
  }
}

export const sed = schedulerType('sed', ShortestExpectedDelay);
