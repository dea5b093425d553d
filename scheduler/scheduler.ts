/**
 * What a scheduler sees and what it must do.
 *
 * A real server is a destination number; 0 is "none". A service's destinations form a list with the newest
 * first, as in ip_vs: every scheduler so begins with the server added last, and it wins ties.
 *
 * A scheduler's state that must survive a restart of the data plane (a pointer, a current weight) lives in
 * the service's record, in SCHEDULER_WORDS int32 words. Tables that follow from the destinations (sh, dh,
 * mh) are the instance's own and are built anew from the list.
 */
export const SCHEDULER_WORDS = 4;

/** The destination table as schedulers see it. */
export interface Destinations {
  /** First destination of a service (the one added last), 0 if there is none. */
  first(service: number): number;
  /** The next one in the list, 0 at its end. */
  next(destination: number): number;
  weight(destination: number): number;
  /** Latest weight that wasn't 0, or the weight given when the destination was added. */
  lastWeight(destination: number): number;
  activeConnections(destination: number): number;
  inactiveConnections(destination: number): number;
  /** Over its upper threshold. */
  isOverloaded(destination: number): boolean;
  /** Linked in a service (false once deleted). */
  isAvailable(destination: number): boolean;
  /** IPv4 address as int32 in host order. */
  address(destination: number): number;
  port(destination: number): number;
  /** SCHED flags of the service: 8 (flag-1), 16 (flag-2), 32 (flag-3). */
  schedulerFlags(service: number): number;
  /** A scheduler's table refers to the destination: a deleted one is kept until it is released. */
  hold(destination: number): void;
  release(destination: number): void;
  /** State word 0..SCHEDULER_WORDS-1 of the service. */
  schedulerWord(service: number, index: number): number;
  setSchedulerWord(service: number, index: number, value: number): void;
}

/** A scheduler bound to one service. */
export interface Scheduler {
  /**
   * True where choices depend on nothing but the servers' weights and how many connections came before, so that they can be
   * made ahead.
   */
  readonly isForeseeable: boolean;
  /**
   * The destination for a new connection, 0 if none can be had. Addresses are int32 in host order, `now` is
   * in ticks (10 ms, wrapping int32). Must not allocate.
   */
  pick(clientAddress: number, clientPort: number, virtualAddress: number, now: number): number;
  /** A destination was linked, edited, or is unlinked and no longer in the list (its `next` still stands). */
  added(destination: number): void;
  updated(destination: number): void;
  removed(destination: number): void;
  /** The service goes, or gets another scheduler: release what is held. */
  unbind(): void;
  /** Once a second, for schedulers that age a cache. */
  tick?(now: number): void;
}

export interface SchedulerType {
  readonly name: string;
  /**
   * Binds to a service. `fresh`: a new binding, the state words are to be set; otherwise the records were
   * taken over from an earlier run and the words stand.
   */
  bind(destinations: Destinations, service: number, fresh: boolean): Scheduler;
}
