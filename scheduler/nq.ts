/** nq, never queue: an idle destination if there is one, else as sed. */
import { BoundScheduler, schedulerType } from './bound.js';
import { leastCostPerWeight, type Cost } from './load.js';
import { DELAY } from './sed.js';

const IDLE_OR_DELAY: Cost = { ...DELAY, idleFirst: true };

class NeverQueue extends BoundScheduler {
  readonly isForeseeable = false;

  pick(): number {
    return leastCostPerWeight(this.destinations, this.service, IDLE_OR_DELAY);
  }
}

export const nq = schedulerType('nq', NeverQueue);
