/**
 * The sockets of a port: one for each receive ring, and one to send with. They can be opened by one process and
 * used by another, and by the next one after that: what arrives meanwhile waits in the rings.
 *
 * Socket filters divide the frames between the rings (ring-filters.ts).
 */
import { close } from '../sys/libc.js';
import { openSendSocket, sendThrough } from '../sys/packet-socket.js';
import { ALL_FRAMES, RING_FILTERS, ringFilter } from './ring-filters.js';
import { attachToSocket, loadProgram, SOCKET_FILTER } from '../sys/fastpath/kernel-objects.js';
import type { FlowMap } from '../sys/fastpath/find-flow.js';
import { openingFilter, skippingFilter } from '../sys/fastpath/programs.js';
import type { PortStats } from './stats.js';
import {
  attachFilter,
  openReceiveSocket,
  startReceiving,
  takeRingDrops,
  type RingGeometry,
} from './tpacket.js';

const SYN_RING = 2;

export class PortSockets {
  private constructor(
    /** Small ring's, large ring's, SYN ring's. */
    readonly receiveFds: readonly number[],
    readonly sendFd: number,
    /** True where an earlier process may have left frames in the rings. */
    readonly areAdopted: boolean,
  ) {}

  /** New sockets; they neither receive nor send before `start`. Throws SysError. */
  static open(geometries: readonly RingGeometry[]): PortSockets {
    const fds: number[] = [];
    try {
      for (const geometry of geometries) fds.push(openReceiveSocket(geometry));
      const sockets = new PortSockets([...fds], openSendSocket(), false);
      sockets.setFilter(ALL_FRAMES);
      return sockets;
    } catch (error) {
      for (const fd of fds) close(fd);
      throw error;
    }
  }

  /** Sockets that another process has opened, in the order of `fds`. */
  static adopt(fds: readonly number[]): PortSockets {
    const [sendFd] = fds.slice(-1);
    return new PortSockets(fds.slice(0, -1), sendFd, true);
  }

  /** All of them, in the order that `adopt` expects. */
  get fds(): number[] {
    return [...this.receiveFds, this.sendFd];
  }

  /**
   * Puts only those frames into the rings from now on that the program accepts. Throws SysError.
   * @param program classic BPF instructions, 8 bytes each (struct sock_filter); see dataplane/sys/filter.ts
   */
  setFilter(program: Uint8Array): void {
    for (const [ring, fd] of this.receiveFds.entries()) {
      attachFilter(fd, ringFilter(RING_FILTERS[ring], program));
    }
  }

  /** The same, and packets of these flows stay out of the rings, where the kernel forwards them. Throws SysError. */
  setFilterBesideFlows(program: Uint8Array, flows: FlowMap): void {
    for (const [ring, filter] of filtersBesideFlows(program, flows).entries()) {
      attachProgram(this.receiveFds[ring], filter);
    }
  }

  /** Begins to receive from an interface and to send to it. Throws SysError. */
  start(ifindex: number): void {
    sendThrough(this.sendFd, ifindex);
    for (const fd of this.receiveFds) startReceiving(fd, ifindex);
  }

  /** Adds the frames that the rings had no room for since the last call to the counters. */
  countDrops(stats: PortStats): void {
    const [small, large, syns] = this.receiveFds.map(takeRingDrops);
    stats.ringDrops += small + large;
    stats.synDrops += syns;
  }

  close(): void {
    for (const fd of this.fds) close(fd);
  }
}

/** Throws SysError, with the reasons, where the kernel doesn't take the programs that `setFilterBesideFlows` attaches. */
export function rehearseFilters(flows: FlowMap): void {
  for (const filter of filtersBesideFlows(ALL_FRAMES, flows)) close(loadFilter(filter));
}

/** By ring. */
function filtersBesideFlows(program: Uint8Array, flows: FlowMap): Uint8Array[] {
  return RING_FILTERS.map((ring, i) => {
    const filter = i === SYN_RING ? openingFilter : skippingFilter;
    return filter(flows, ring, program);
  });
}

/** The socket holds the program from then on. Throws SysError. */
function attachProgram(socket: number, program: Uint8Array): void {
  const fd = loadFilter(program);
  try {
    attachToSocket(socket, fd);
  } finally {
    close(fd);
  }
}

function loadFilter(program: Uint8Array): number {
  return loadProgram('uvs_skip', SOCKET_FILTER, program);
}
