/** nq, never queue: an idle destination if there is one, else as sed. */
import { schedulerType } from './bound.js';
import { ShortestExpectedDelay } from './sed.js';

class NeverQueue extends ShortestExpectedDelay {
  override pick(
    clientAddress: number,
    clientPort: number,
    virtualAddress: number,
    now: number,
  ): number {
    const table = this.destinations;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      if (table.activeConnections(d) === 0 && this.canTake(d)) return d;
    }
    return super.pick(clientAddress, clientPort, virtualAddress, now);
  }
}

export const nq = schedulerType('nq', NeverQueue);
