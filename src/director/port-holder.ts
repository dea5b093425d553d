/**
 * The packet sockets, held by the director: those of the ports, and the one that hands frames back to the kernel.
 * They outlive the workers that use them, so that packets wait in the rings while there is none. With the pcap driver
 * there are none for the ports: each worker opens its own and sees to their filters, and without one packets are lost.
 */
import { PortSockets } from '../../dataplane/driver/port-sockets.js';
import { ringGeometries } from '../../dataplane/driver/ring-sizes.js';
import { SysError } from '../../dataplane/sys/errors.js';
import { close } from '../../dataplane/sys/libc.js';
import { openHandBackSocket } from '../../dataplane/sys/handback.js';
import { applyFilter, coarsestFilter, type FilterPrecision } from '../../dataplane/sys/filter.js';
import type { KnownPort } from '../../dataplane/sys/host.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import type { FastPathHolder } from './fast-path.js';
import type { DriverName } from '../worker/messages.js';

const NOTHING: Endpoints = { virtual: [], real: [] };

export class PortHolder {
  private readonly sockets: PortSockets[] = [];
  private readonly handBackFd: number;
  /** What the ports' rings receive. */
  private program: Uint8Array | null = null;

  /** Opens all of them; the ports' receive nothing yet. Throws SysError. */
  constructor(
    public ports: readonly KnownPort[],
    private readonly driver: DriverName,
    /** Where the kernel forwards connections by itself. */
    private readonly fastPath: FastPathHolder | null = null,
  ) {
    this.handBackFd = openHandBackSocket();
    try {
      if (driver === 'pcap') return;
      for (const _ of ports) this.sockets.push(PortSockets.open(ringGeometries()));
      this.setFilter(NOTHING);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The sockets' descriptors in the order of a worker's: see src/worker/messages.ts. */
  get fds(): number[] {
    const flows = this.fastPath?.fds ?? [];
    return [this.handBackFd, ...this.sockets.flatMap(({ fds }) => fds), ...flows];
  }

  /** All TCP is received from now on, and waits for a worker. */
  startEarly(): void {
    if (this.driver === 'pcap') return;
    this.attach(coarsestFilter());
    for (const [port, { ifindex }] of this.ports.entries()) {
      try {
        this.sockets[port].start(ifindex);
      } catch (error) {
        // An interface that is gone since is the worker's to follow.
        if (!(error instanceof SysError) || error.code !== 'ENODEV') throw error;
      }
    }
  }

  /** Has the rings receive what concerns these endpoints; returns how exactly. */
  setFilter(endpoints: Endpoints): FilterPrecision {
    if (this.driver === 'pcap') return 'tcp';
    return applyFilter(endpoints, (program) => this.attach(program));
  }

  close(): void {
    close(this.handBackFd);
    for (const sockets of this.sockets) sockets.close();
  }

  /** Where flows may be kept from the data plane has changed: the filter is another one. Throws SysError. */
  renewFilter(): void {
    if (this.program !== null) this.attach(this.program);
  }

  private attach(program: Uint8Array): void {
    this.program = program;
    for (const [port, sockets] of this.sockets.entries()) {
      if (this.fastPath?.isAttached(port) !== true) sockets.setFilter(program);
      else sockets.setFilterBesideFlows(program, this.fastPath.map);
    }
  }
}
