/**
 * rr, round robin: the destination behind the last chosen one, whatever its weight (but 0).
 *
 * The list is newest first, so A, B, C added in that order are chosen C, B, A, C, ...
 */
import { BoundScheduler, canTake, schedulerType } from './bound.js';
import type { Destinations } from './scheduler.js';

/** State word: the destination chosen last, 0 for the place before the first one. */
const LAST_CHOSEN = 0;

class RoundRobin extends BoundScheduler {
  readonly isForeseeable = true;

  constructor(destinations: Destinations, service: number, fresh: boolean) {
    super(destinations, service);
    const last = destinations.schedulerWord(service, LAST_CHOSEN);
    if (fresh || !this.isMember(last)) destinations.setSchedulerWord(service, LAST_CHOSEN, 0);
  }

  pick(): number {
    const table = this.destinations;
    const last = table.schedulerWord(this.service, LAST_CHOSEN);
    const start = last === 0 ? table.first(this.service) : table.next(last);
    let chosen = this.firstAble(start, 0);
    // Once round: the last chosen one is looked at last.
    if (chosen === 0 && last !== 0) chosen = this.firstAble(table.first(this.service), last);
    if (chosen !== 0) table.setSchedulerWord(this.service, LAST_CHOSEN, chosen);
    return chosen;
  }

  /** The one behind a removed destination is next, so the pointer steps back to the one before it. */
  override removed(destination: number): void {
    const table = this.destinations;
    if (table.schedulerWord(this.service, LAST_CHOSEN) !== destination) return;
    const following = table.next(destination);
    let predecessor = 0;
    for (let d = table.first(this.service); d !== following && d !== 0; d = table.next(d)) {
      predecessor = d;
    }
    table.setSchedulerWord(this.service, LAST_CHOSEN, predecessor);
  }

  /** First destination that can take a connection, from `start` to `end` (both included; 0: to the end). */
  private firstAble(start: number, end: number): number {
    for (let d = start; d !== 0; d = this.destinations.next(d)) {
      if (canTake(this.destinations, d)) return d;
      if (d === end) return 0;
    }
    return 0;
  }
}

export const rr = schedulerType('rr', RoundRobin);
