/**
 * For schedulers that look at them: while the next openings of a queue are decided on, the servers have the connections
 * that those before them are going to be.
 */
import type { OpeningTable } from '../flows/openings-table.js';
import type { DestinationTable } from '../service/destinations.js';

export class OpeningLoad {
  constructor(
    private readonly destinations: DestinationTable,
    private readonly table: OpeningTable,
  ) {}

  /** Openings by number, without the last one. */
  put(queue: number, from: number, to: number): void {
    for (let n = from; n !== to; n = (n + 1) | 0) this.putOne(this.table.serverOf(queue, n));
  }

  /** As a connection is whose client's SYN has come. */
  putOne(server: number): void {
    this.destinations.bind(server, false);
    this.destinations.activate(server);
  }

  take(queue: number, from: number, to: number): void {
    for (let n = from; n !== to; n = (n + 1) | 0) {
      this.destinations.unbind(this.table.serverOf(queue, n), false, false);
    }
  }
}
