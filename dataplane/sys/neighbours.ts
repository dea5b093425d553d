/**
 * Follows the kernel's neighbours and keeps those in use fresh.
 *
 * The kernel doesn't see the frames that a driver sends, so to it every neighbour soon goes stale and may be
 * thrown away. `refresh` tells it which ones were used, as if it had sent the frame itself: it then confirms
 * a stale neighbour by ARP, and a replaced server's new MAC address arrives as a notification. Meanwhile the
 * known MAC address stays in use; only a neighbour that failed is forgotten.
 */
import { NO_HOP, type Routes } from '../route/routes.js';
import { SysError } from './errors.js';
import { NUD_INCOMPLETE, NUD_STALE, type Neighbour } from './rtnetlink.js';

/** Most neighbours the kernel is told of at a time. */
const REFRESH_MAX = 256;

/** The kernel's side. */
export interface NeighbourTable {
  list: () => Neighbour[];
  /** See `useNeighbour` of rtnetlink.ts. */
  use: (ifindex: number, address: number) => void;
  /** The port of an interface, -1 where it is none of ours. */
  portOf: (ifindex: number) => number;
  ifindexOf: (port: number) => number;
}

export interface NeighbourEvents {
  /** A hop's MAC address has become known (again), or is known no longer. */
  onHop: (hop: number, resolved: boolean) => void;
  /** A neighbour in use answers from another MAC address. */
  onMoved: (port: number, address: number, mac: Uint8Array) => void;
}

export class NeighbourWatch {
  /** By key: neighbours that the kernel knows at the moment. */
  private known = new Map<number, Neighbour>();

  constructor(
    private readonly routes: Routes,
    private readonly table: NeighbourTable,
    private readonly events: NeighbourEvents,
  ) {}

  /** Reads all of them. */
  resync(): void {
    const before = this.known;
    this.known = new Map();
    for (const neighbour of this.table.list()) this.changed(neighbour, before);
    for (const [key, neighbour] of before) {
      if (!this.known.has(key)) this.removed(neighbour);
    }
  }

  /** A neighbour is new or has changed. `before` is what was known until now. */
  changed(neighbour: Neighbour, before = this.known): void {
    const port = this.table.portOf(neighbour.ifindex);
    if (port < 0) return;
    const key = keyOf(port, neighbour.address);
    const earlier = before.get(key);
    this.known.set(key, neighbour);
    const { address, mac } = neighbour;
    // While the kernel asks anew for a neighbour it had forgotten, what we know may still be right.
    if (mac === null && neighbour.state === NUD_INCOMPLETE && earlier === undefined) return;
    const hop = this.routes.hopTo(port, address);
    const wasResolved = hop !== NO_HOP && this.routes.isResolved(hop);
    const inUse = this.routes.neighbourMac(port, address);
    this.routes.setNeighbour(port, address, mac);
    if (hop === NO_HOP) return;
    if (mac !== null && inUse !== undefined && !sameMac(mac, inUse)) {
      this.events.onMoved(port, address, mac);
    }
    const isResolved = mac !== null;
    const failed = !isResolved && neighbour.state !== NUD_INCOMPLETE;
    if (isResolved !== wasResolved || failed) this.events.onHop(hop, isResolved);
  }

  /** The kernel has thrown a neighbour away. One that was fine until then and has a hop is kept. */
  removed(neighbour: Neighbour): void {
    const port = this.table.portOf(neighbour.ifindex);
    if (port < 0) return;
    this.known.delete(keyOf(port, neighbour.address));
    const hop = this.routes.hopTo(port, neighbour.address);
    if (hop !== NO_HOP && neighbour.mac !== null) return;
    this.routes.setNeighbour(port, neighbour.address, null);
    if (hop !== NO_HOP) this.events.onHop(hop, false);
  }

  /** Tells the kernel of those that were used since the last time and that it isn't sure of. */
  refresh(): void {
    let told = 0;
    this.routes.takeUsed((hop) => {
      const port = this.routes.portOf(hop);
      const state = this.known.get(keyOf(port, this.routes.addressOf(hop)))?.state;
      if (state !== undefined && state !== NUD_STALE) return;
      if (told++ < REFRESH_MAX) this.use(hop);
    });
  }

  /**
   * Asks for a port's neighbours that the kernel has forgotten, as it does when the port goes down or changes its
   * MAC address: they learn from the question where we are now, before they have sent something into the void.
   */
  introduce(port: number): void {
    const unknown = this.routes
      .neighboursOf(port)
      .filter((address) => (this.known.get(keyOf(port, address))?.mac ?? null) === null);
    for (const address of unknown.slice(0, REFRESH_MAX)) this.ask(port, address);
  }

  /** Has the kernel find out a hop's MAC address, at once; the answer comes as `onHop`. */
  use(hop: number): void {
    this.ask(this.routes.portOf(hop), this.routes.addressOf(hop));
  }

  private ask(port: number, address: number): void {
    try {
      this.table.use(this.table.ifindexOf(port), address);
    } catch (error) {
      // The interface may have gone, or the kernel's table be full. The next packet asks again.
      if (!(error instanceof SysError)) throw error;
    }
  }
}

/** Port and address as one number, exact as a double. */
function keyOf(port: number, address: number): number {
  return port * 0x1_0000_0000 + (address >>> 0);
}

function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
