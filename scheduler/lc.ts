/** lc, least connection: the destination with the fewest connections, whatever its weight (but 0). */
import { BoundScheduler, canTake, schedulerType } from './bound.js';
import { connectionOverhead } from './load.js';

class LeastConnection extends BoundScheduler {
  readonly isForeseeable = false;

  pick(): number {
    const table = this.destinations;
    let least = 0;
    let leastOverhead = 0;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      if (!canTake(table, d)) continue;
      const overhead = connectionOverhead(table, d);
      if (least === 0 || overhead < leastOverhead) {
        least = d;
        leastOverhead = overhead;
      }
    }
    return least;
  }
}

export const lc = schedulerType('lc', LeastConnection);
