/**
 * ovf, weighted overflow: the destination with the highest weight until its active connections exceed that
 * weight, then the next heaviest.
 */
import { BoundScheduler, schedulerType } from './bound.js';

class Overflow extends BoundScheduler {
  readonly isForeseeable = false;

  pick(): number {
    const table = this.destinations;
    let heaviest = 0;
    let highestWeight = 0;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      const weight = table.weight(d);
      if (weight <= highestWeight || table.isOverloaded(d)) continue;
      if (table.activeConnections(d) > weight) continue;
      heaviest = d;
      highestWeight = weight;
    }
    return heaviest;
  }
}

export const ovf = schedulerType('ovf', Overflow);
