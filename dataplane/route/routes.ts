/**
 * Where a packet goes next: the kernel's routes, local addresses and neighbours as plain tables.
 *
 * Filled in by whoever knows the host (netlink in a director, a constant topology in a replay), read by the
 * engine. IPv4 addresses are int32 in host order. A *port* is the number of a network interface in the
 * driver. A *hop* is the number of a (port, next-hop address) pair; connections remember theirs together with
 * `generation`, which changes whenever a remembered hop may be wrong. A neighbour's new MAC address changes
 * its hop's row in place, so nobody has to look it up again.
 */
import { PrefixTable } from './prefixes.js';

export const NO_HOP = 0;
/** Most hops kept; when they are used up all are forgotten and found anew. */
export const HOP_MAX = 65_536;
const MAC_BYTES = 6;
const MACS_BYTES = 2 * MAC_BYTES;
const LOCAL = 1;
const BROADCAST = 2;

export interface PortInfo {
  /** The interface's name, for people. */
  name: string;
  /** Six bytes. */
  mac: Uint8Array;
  /** Largest IP packet in bytes. */
  mtu: number;
  up: boolean;
  /** The interface's index, where it has one; it may change with the rest of this. */
  ifindex?: number;
  /** The interface's own IPv4 address, the source of ICMP errors that leave by it; 0 or absent if it has none. */
  address?: number;
}

export interface Route {
  kind: 'unicast' | 'local' | 'broadcast' | 'unreachable';
  /** Prefix: address and length in bits. */
  address: number;
  prefixLength: number;
  /** Next router, 0 where destinations are reached directly. */
  gateway: number;
  /** -1 where the interface is none of the driver's ports. */
  port: number;
  /** 0 where the port's MTU holds. */
  mtu: number;
  /** Of two routes to the same prefix the one with the lower metric counts. */
  metric: number;
}

export class Routes {
  /** Changes when hops remembered earlier are no longer valid. Never 0. */
  generation = 1;
  /** Changes with everything that may lead packets another way, also with a neighbour's MAC address. */
  revision = 1;
  readonly ports: PortInfo[] = [];
  private routes: Route[] = [];
  private readonly prefixes = new PrefixTable();
  /** The kernel's local table, which it consults before any other: LOCAL or BROADCAST. */
  private readonly locals = new PrefixTable();

  private hopCount = 1;
  private readonly hopPort = new Int32Array(HOP_MAX);
  private readonly hopAddress = new Int32Array(HOP_MAX);
  private readonly hopMtu = new Int32Array(HOP_MAX);
  private readonly hopKnown = new Uint8Array(HOP_MAX);
  private readonly hopUsed = new Uint8Array(HOP_MAX);
  /** Destination and source MAC address of frames that take the hop. */
  private readonly hopMacs = new Uint8Array(HOP_MAX * MACS_BYTES);
  /** By port: next-hop address -> hop; and the neighbours' MAC addresses, also of those without a hop yet. */
  private hopsByPort: Map<number, number>[] = [];
  private neighboursByPort: Map<number, Uint8Array>[] = [];

  /** Replaces what is known of one port. Hops are found anew where they may have changed. */
  setPort(port: number, info: PortInfo): void {
    const before = this.ports[port] as PortInfo | undefined;
    this.ports[port] = info;
    this.hopsByPort[port] ??= new Map();
    this.neighboursByPort[port] ??= new Map();
    if (before === undefined || !areHopsAlike(before, info)) this.forgetHops();
  }

  /** Replaces all routes. */
  setRoutes(routes: Route[]): void {
    this.routes = [];
    this.prefixes.clear();
    this.locals.clear();
    for (const route of routes) this.addRoute(route);
    this.forgetHops();
  }

  /** Sets or (null) forgets the MAC address of a neighbour. Returns its hop, NO_HOP if none uses it. */
  setNeighbour(port: number, address: number, mac: Uint8Array | null): number {
    const before = this.neighboursByPort[port].get(address);
    if (mac === null) this.neighboursByPort[port].delete(address);
    else this.neighboursByPort[port].set(address, mac.slice(0, MAC_BYTES));
    const hop = this.hopTo(port, address);
    if (hop === NO_HOP) return hop;
    this.resolveHop(hop);
    // Nothing has been sent to a neighbour that was unknown.
    const isOther = before?.some((byte, i) => byte !== mac?.[i]) === true;
    if (isOther) this.revision = (this.revision + 1) | 0;
    return hop;
  }

  /** A neighbour's MAC address, undefined where it isn't known. */
  neighbourMac(port: number, address: number): Uint8Array | undefined {
    return this.neighboursByPort[port].get(address);
  }

  /** Addresses of a port's neighbours whose MAC addresses are known. */
  neighboursOf(port: number): number[] {
    return [...this.neighboursByPort[port].keys()];
  }

  /** True for the next router of a route. */
  isGateway(address: number): boolean {
    return this.routes.some(({ gateway }) => gateway === address);
  }

  /** True where packets to the address are delivered to this host itself. */
  isLocal(address: number): boolean {
    return this.locals.match(address) === LOCAL;
  }

  /**
   * True for addresses that no packet from outside may come from (RFC 1812, 5.3.7): ours, and no host's. A
   * network's broadcast address passes, as with Linux.
   */
  isMartianSource(address: number): boolean {
    const first = address >>> 24;
    const isNoHost = first === 0 || first === 127 || (first >= 224 && first < 240);
    return isNoHost || address === -1 || this.isLocal(address);
  }

  /** The port with this MAC address, at memory[offset]; -1 where none has it. */
  portWithMac(memory: Uint8Array, offset: number): number {
    for (let port = 0; port < this.ports.length; port++) {
      const mac = this.ports[port]?.mac;
      let same = 0;
      while (same < MAC_BYTES && memory[offset + same] === mac?.[same]) same++;
      if (same === MAC_BYTES) return port;
    }
    return -1;
  }

  /** The hop towards an address, NO_HOP where there is no route or it is not out of one of our ports. */
  lookup(address: number): number {
    if (this.locals.match(address) !== 0) return NO_HOP;
    const index = this.prefixes.match(address);
    if (index === 0) return NO_HOP;
    const route = this.routes[index - 1];
    if (route.kind !== 'unicast' || route.port < 0) return NO_HOP;
    if (!this.ports[route.port]?.up) return NO_HOP;
    const nextAddress = route.gateway === 0 ? address : route.gateway;
    const known = this.hopsByPort[route.port].get(nextAddress);
    if (known !== undefined && this.hopMtu[known] === this.routeMtu(route)) return known;
    return this.addHop(route, nextAddress);
  }

  portOf(hop: number): number {
    return this.hopPort[hop];
  }

  /** Next-hop address: the gateway, or the destination itself. */
  addressOf(hop: number): number {
    return this.hopAddress[hop];
  }

  mtuOf(hop: number): number {
    return this.hopMtu[hop];
  }

  isResolved(hop: number): boolean {
    return this.hopKnown[hop] === 1;
  }

  /** The hop of a neighbour, NO_HOP where none uses it. */
  hopTo(port: number, address: number): number {
    return this.hopsByPort[port].get(address) ?? NO_HOP;
  }

  /** Visits the hops that frames went to since they were last visited. */
  takeUsed(visit: (hop: number) => void): void {
    for (let hop = 1; hop < this.hopCount; hop++) {
      if (this.hopUsed[hop] === 0) continue;
      this.hopUsed[hop] = 0;
      visit(hop);
    }
  }

  /** Frames take this hop. */
  use(hop: number): void {
    this.hopUsed[hop] = 1;
  }

  /** Writes destination and source MAC address of the way to `hop` at `offset` (12 bytes). */
  writeMacs(hop: number, memory: Uint8Array, offset: number): void {
    this.hopUsed[hop] = 1;
    const macs = this.hopMacs;
    const from = hop * MACS_BYTES;
    for (let i = 0; i < MACS_BYTES; i++) memory[offset + i] = macs[from + i];
  }

  private addRoute(route: Route): void {
    const { address, prefixLength } = route;
    if (route.kind === 'local' || route.kind === 'broadcast') {
      this.locals.set(address, prefixLength, route.kind === 'local' ? LOCAL : BROADCAST);
      return;
    }
    const rival = this.prefixes.get(address, prefixLength);
    if (rival !== 0 && this.routes[rival - 1].metric <= route.metric) return;
    this.routes.push(route);
    this.prefixes.set(address, prefixLength, this.routes.length);
  }

  private routeMtu(route: Route): number {
    return route.mtu === 0 ? this.ports[route.port].mtu : route.mtu;
  }

  private addHop(route: Route, address: number): number {
    if (this.hopCount === HOP_MAX) this.forgetHops();
    const hop = this.hopCount++;
    this.hopPort[hop] = route.port;
    this.hopAddress[hop] = address;
    this.hopMtu[hop] = this.routeMtu(route);
    this.hopsByPort[route.port].set(address, hop);
    this.resolveHop(hop);
    return hop;
  }

  private resolveHop(hop: number): void {
    const mac = this.neighboursByPort[this.hopPort[hop]].get(this.hopAddress[hop]);
    this.hopKnown[hop] = mac === undefined ? 0 : 1;
    if (mac === undefined) return;
    this.hopMacs.set(mac, hop * MACS_BYTES);
    this.hopMacs.set(this.ports[this.hopPort[hop]].mac, hop * MACS_BYTES + MAC_BYTES);
  }

  private forgetHops(): void {
    this.hopCount = 1;
    for (const hops of this.hopsByPort) hops?.clear();
    this.generation = this.generation === 0x7fffffff ? 1 : this.generation + 1;
    this.revision = (this.revision + 1) | 0;
  }
}

function areHopsAlike(a: PortInfo, b: PortInfo): boolean {
  if (a.up !== b.up || a.mtu !== b.mtu || a.ifindex !== b.ifindex) return false;
  return a.mac.every((byte, i) => byte === b.mac[i]);
}
