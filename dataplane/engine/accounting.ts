/** Counting a connection's packets where they show: in the director's total, the service and the server. */
import { TOTAL_BLOCK } from '../service/statistics.js';
import type { State } from '../state.js';

export class Accounting {
  constructor(private readonly state: State) {}

  /** A new connection of a server; templates are not counted. */
  connection(destination: number): void {
    const { state } = this;
    state.statistics.countConnection(TOTAL_BLOCK);
    state.statistics.countConnection(state.serviceBlock(state.destinations.service(destination)));
    state.statistics.countConnection(state.destinationBlock(destination));
  }

  /** A packet towards a server, `bytes` from its IP header on. Deleted servers' packets are not counted. */
  packetIn(destination: number, bytes: number): void {
    const { state } = this;
    if (!state.destinations.isAvailable(destination)) return;
    state.statistics.countIn(TOTAL_BLOCK, bytes);
    state.statistics.countIn(state.serviceBlock(state.destinations.service(destination)), bytes);
    state.statistics.countIn(state.destinationBlock(destination), bytes);
  }

  /** A packet from a server. */
  packetOut(destination: number, bytes: number): void {
    const { state } = this;
    if (!state.destinations.isAvailable(destination)) return;
    state.statistics.countOut(TOTAL_BLOCK, bytes);
    state.statistics.countOut(state.serviceBlock(state.destinations.service(destination)), bytes);
    state.statistics.countOut(state.destinationBlock(destination), bytes);
  }

  /** One tick of the estimator for everything that has counters. */
  estimate(): void {
    const { state } = this;
    const { statistics, services, destinations } = state;
    statistics.estimate(TOTAL_BLOCK);
    for (let s = 1; s <= services.highWater; s++) {
      if (services.isLive(s)) statistics.estimate(state.serviceBlock(s));
    }
    for (let d = 1; d <= destinations.highWater; d++) {
      if (destinations.isLive(d)) statistics.estimate(state.destinationBlock(d));
    }
  }
}
