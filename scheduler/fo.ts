/** fo, weighted fail over: the available destination with the highest weight takes everything. */
import { BoundScheduler, schedulerType } from './bound.js';

class FailOver extends BoundScheduler {
  readonly isForeseeable = true;

  pick(): number {
    const table = this.destinations;
    let heaviest = 0;
    let highestWeight = 0;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      if (table.weight(d) <= highestWeight || table.isOverloaded(d)) continue;
      heaviest = d;
      highestWeight = table.weight(d);
    }
    return heaviest;
  }
}

export const fo = schedulerType('fo', FailOver);
