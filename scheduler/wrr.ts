/**
 * wrr, weighted round robin: the list is walked again and again, each time at a level, and the destinations
 * whose weight reaches the level take a connection. The level falls from the highest weight by the weights'
 * greatest common divisor, so over a full cycle the shares are exactly the weights'.
 *
 *     weight 3  A | A A      list C(1) B(2) A(3)
 *     weight 2  B | B        level 3: A, level 2: B A, level 1: C B A
 *     weight 1  C |          -> A  B A  C B A
 */
import { BoundScheduler, schedulerType } from './bound.js';
import type { Destinations } from './scheduler.js';
import { greatestCommonDivisor } from './weights.js';

/** State words. */
const CURRENT = 0; // the destination chosen last, 0 for the place before the first one
const LEVEL = 1;
const TOP_LEVEL = 2; // the level that follows on the lowest one, 0 where all weights are 0
const STEP = 3; // greatest common divisor of the weights

class WeightedRoundRobin extends BoundScheduler {
  readonly isForeseeable = true;

  constructor(destinations: Destinations, service: number, fresh: boolean) {
    super(destinations, service);
    this.measureWeights();
    const top = this.word(TOP_LEVEL);
    const level = this.word(LEVEL);
    if (fresh || !this.isMember(this.word(CURRENT))) this.setWord(CURRENT, 0);
    if (fresh || level <= 0 || level > top) this.setWord(LEVEL, top);
  }

  pick(): number {
    const top = this.word(TOP_LEVEL);
    if (top === 0) return 0;
    const step = this.word(STEP);
    const last = this.word(CURRENT);
    let level = this.word(LEVEL);
    const first = this.destinations.first(this.service);
    let start = last === 0 ? first : this.destinations.next(last);
    let lowest = false;
    let restarted = false;
    for (;;) {
      // At most one full cycle: at the lowest level of the second descent the last chosen one is the end.
      const end = lowest && restarted ? last : 0;
      const chosen = this.firstReaching(level, start, end);
      if (chosen !== 0) return this.settle(chosen, level, chosen);
      if (end !== 0) return this.settle(end, level, 0);
      level = this.levelBelow(level, step);
      if (level <= 0) {
        if (lowest || last === 0) return this.settle(0, top, 0);
        level = top;
        restarted = true;
      }
      lowest = level <= step;
      start = first;
    }
  }

  override added(): void {
    this.destinationsChanged();
  }

  override updated(): void {
    this.destinationsChanged();
  }

  override removed(): void {
    this.destinationsChanged();
  }

  /** The walk begins anew, at the level it had reached if that still is one. */
  private destinationsChanged(): void {
    this.measureWeights();
    this.setWord(CURRENT, 0);
    const top = this.word(TOP_LEVEL);
    const step = this.word(STEP);
    const level = this.word(LEVEL);
    if (level > top || level === 0) this.setWord(LEVEL, top);
    else if (step > 1) this.setWord(LEVEL, Math.floor(level / step) * step + 1);
  }

  /** Sets STEP and TOP_LEVEL. Levels are 1, 1 + step, 1 + 2 step, ... */
  private measureWeights(): void {
    const table = this.destinations;
    let divisor = 0;
    let highest = 0;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      const weight = table.weight(d);
      if (weight > 0) divisor = greatestCommonDivisor(weight, divisor);
      if (weight > highest) highest = weight;
    }
    const step = divisor === 0 ? 1 : divisor;
    this.setWord(STEP, step);
    this.setWord(TOP_LEVEL, highest - (step - 1));
  }

  /** First destination from `start` to `end` (included; 0: to the list's end) that takes part in the level. */
  private firstReaching(level: number, start: number, end: number): number {
    const table = this.destinations;
    for (let d = start; d !== 0; d = table.next(d)) {
      if (table.weight(d) >= level && !table.isOverloaded(d)) return d;
      if (d === end) return 0;
    }
    return 0;
  }

  /**
   * The next lower level, <= 0 below the lowest. Levels that nobody reaches are skipped, so that a weight of
   * a million that is overloaded beside a weight of 1 doesn't cost a million walks. The lowest never is:
   * whether it was visited decides when a search ends.
   */
  private levelBelow(level: number, step: number): number {
    if (level <= step) return level - step;
    const table = this.destinations;
    let reach = step;
    for (let d = table.first(this.service); d !== 0; d = table.next(d)) {
      const weight = table.weight(d);
      if (weight > reach && !table.isOverloaded(d)) reach = weight;
    }
    if (reach > level - step) return level - step;
    return level - Math.ceil((level - reach) / step) * step;
  }

  private settle(current: number, level: number, chosen: number): number {
    this.setWord(CURRENT, current);
    this.setWord(LEVEL, level);
    return chosen;
  }

  private word(index: number): number {
    return this.destinations.schedulerWord(this.service, index);
  }

  private setWord(index: number, value: number): void {
    this.destinations.setSchedulerWord(this.service, index, value);
  }
}

export const wrr = schedulerType('wrr', WeightedRoundRobin);
