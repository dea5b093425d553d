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
    this.packetsIn(destination, 1, bytes);
  }

  /** A packet from a server. */
  packetOut(destination: number, bytes: number): void {
    this.packetsOut(destination, 1, bytes);
  }

  packetsIn(destination: number, packets: number, bytes: number): void {
    const { state } = this;
    const { statistics, destinations } = state;
    if (!destinations.isAvailable(destination)) return;
    statistics.countIn(TOTAL_BLOCK, packets, bytes);
    statistics.countIn(state.serviceBlock(destinations.service(destination)), packets, bytes);
    statistics.countIn(state.destinationBlock(destination), packets, bytes);
  }

  packetsOut(destination: number, packets: number, bytes: number): void {
    const { state } = this;
    const { statistics, destinations } = state;
    if (!destinations.isAvailable(destination)) return;
    statistics.countOut(TOTAL_BLOCK, packets, bytes);
    statistics.countOut(state.serviceBlock(destinations.service(destination)), packets, bytes);
    statistics.countOut(state.destinationBlock(destination), packets, bytes);
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
