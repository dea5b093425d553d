/**
 * What all schedulers share: the destination table, the service they are bound to, and who may be chosen.
 */
import type { Destinations, Scheduler, SchedulerType } from './scheduler.js';

export abstract class BoundScheduler implements Scheduler {
  abstract readonly isForeseeable: boolean;

  constructor(
    protected readonly destinations: Destinations,
    protected readonly service: number,
  ) {}

  abstract pick(
    clientAddress: number,
    clientPort: number,
    virtualAddress: number,
    now: number,
  ): number;

  // A scheduler that keeps nothing between two picks has nothing to do when its destinations change.
  added(_destination: number): void {}
  updated(_destination: number): void {}
  removed(_destination: number): void {}
  unbind(): void {}

  /** True for a destination of the service; a number from an earlier run may be anything. */
  protected isMember(destination: number): boolean {
    let d = this.destinations.first(this.service);
    while (d !== 0 && d !== destination) d = this.destinations.next(d);
    return d !== 0;
  }
}

/** Not quiesced (weight 0) and not over its upper threshold. */
export function canTake(destinations: Destinations, destination: number): boolean {
  return destinations.weight(destination) > 0 && !destinations.isOverloaded(destination);
}

/** The registry's entry for a scheduler class. */
export function schedulerType(
  name: string,
  Bound: new (destinations: Destinations, service: number, fresh: boolean) => Scheduler,
): SchedulerType {
  return {
    name,
    bind: (destinations, service, fresh) => new Bound(destinations, service, fresh),
  };
}
