/**
 * The ports' sockets, held by the director: they outlive the workers that use them, so that packets wait in the
 * rings while there is none.
 */
import { PortSockets } from '../../dataplane/driver/port-sockets.js';
import { ringGeometries } from '../../dataplane/driver/ring-sizes.js';
import { applyFilter, coarsestFilter, type FilterPrecision } from '../../dataplane/sys/filter.js';
import type { KnownPort } from '../../dataplane/sys/host.js';
import type { Endpoints } from '../virtual-server/endpoints.js';

const NOTHING: Endpoints = { virtual: [], real: [] };

export class PortHolder {
  private readonly sockets: PortSockets[] = [];

  /** Opens the sockets of each port; they receive nothing yet. Throws SysError. */
  constructor(public ports: readonly KnownPort[]) {
    try {
      for (const _ of ports) this.sockets.push(PortSockets.open(ringGeometries()));
      this.setFilter(NOTHING);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The sockets' descriptors, port after port. */
  get fds(): number[] {
    return this.sockets.flatMap(({ fds }) => fds);
  }

  /** All TCP is received from now on, and waits for a worker. */
  startEarly(): void {
    this.attach(coarsestFilter());
    this.ports.forEach(({ ifindex }, port) => this.sockets[port].start(ifindex));
  }

  /** Has the rings receive what concerns these endpoints; returns how exactly. */
  setFilter(endpoints: Endpoints): FilterPrecision {
    return applyFilter(endpoints, (program) => this.attach(program));
  }

  close(): void {
    for (const sockets of this.sockets) sockets.close();
  }

  private attach(program: Uint8Array): void {
    for (const sockets of this.sockets) sockets.setFilter(program);
  }
}
