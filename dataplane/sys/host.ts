/**
 * The host's network as the data plane needs it: its interfaces as ports, and a `Routes` that follows the
 * kernel's routes, local addresses and neighbours.
 *
 * Everything is read once, then notifications tell of changes. A neighbour's change is applied as it comes.
 * Links, addresses and routes are read anew as a whole, since the kernel drops routes without a word when a
 * link goes down or an address is removed; a crowd of notifications becomes one reading.
 */
import { constants } from 'node:os';
import { Routes, type Route } from '../route/routes.js';
import { errnoName, SysError } from './errors.js';
import { describeLink, describeRoutes, formatAddress, formatMac } from './host-changes.js';
import { chooseInterfaces, followInterfaces, isUsable, type KnownPort } from './interfaces.js';
import { readRoutes } from './kernel-routes.js';
import { NeighbourWatch, type NeighbourTable } from './neighbours.js';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink.js';
import type { Message } from './netlink-message.js';
import { waitReadable, type Readable } from './readable.js';
import {
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  parseNeighbour,
  parseRemovedLink,
  readAddresses,
  readLinks,
  readNeighbours,
  useNeighbour,
  type Link,
  type LinkAddress,
} from './rtnetlink.js';

export type { KnownPort } from './interfaces.js';

const GROUPS = [RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE];
/** Notifications that come within this time lead to one reading. */
const SETTLE_MS = 10;
/** Reading may take one part in so many of the time, however large the tables are. */
const REST_FACTOR = 10;
/** The kernel may refuse a reading for the moment. */
const READ_AGAIN_MS = 500;
const NEIGHBOUR_REFRESH_MS = 1000;

/** What a port has that never had an interface. */
const NO_LINK = { ifindex: 0, mac: new Uint8Array(6), mtu: 1500, up: false, running: false };

export interface HostPort {
  port: number;
  name: string;
  /** 0 while there is no such interface. */
  ifindex: number;
  mac: Uint8Array;
  mtu: number;
  /** Set up by the administrator; false also where the interface is gone. */
  up: boolean;
  /** Has a carrier. */
  running: boolean;
  /** Its own address, the first one; 0 where it has none. */
  address: number;
}

export interface HostNetworkOptions {
  /** Names of the interfaces to use; without any all Ethernet interfaces with IPv4 addresses or routes. */
  interfaces?: readonly string[];
  /** By port number, the ports that were chosen already; `interfaces` doesn't count then. */
  known?: readonly KnownPort[];
  /** All interfaces are to be used: say so when there is another one, which isn't. */
  expectsAll?: boolean;
  /** To be filled in; a new one by default. */
  routes?: Routes;
  /** Called with a sentence for people whenever the host's network has changed. */
  onChange?: (description: string) => void;
  /** Called when addresses of this host have come or gone. */
  onAddresses?: () => void;
  /** Called when a hop's MAC address has become known, and when the kernel couldn't find it out. */
  onHop?: (hop: number, resolved: boolean) => void;
}

export class HostNetwork {
  readonly routes: Routes;
  /** By port number. Kept up to date in place. */
  readonly ports: HostPort[] = [];

  private readonly notifications: NetlinkSocket;
  private readonly requests: NetlinkSocket;
  private readonly neighbours: NeighbourWatch;
  private readonly readable: Readable;
  private readonly refreshTimer: NodeJS.Timeout;
  private readonly onChange: (description: string) => void;
  private readonly onAddresses: () => void;
  private readTimer: NodeJS.Timeout | null = null;
  private restMs = SETTLE_MS;
  private routesRead: Route[] = [];
  /** Indexes of interfaces that are in use on this host and aren't ports; null where nobody wants to know. */
  private readonly others: Set<number> | null;

  /** Throws where an interface doesn't exist or the kernel refuses. */
  static open(options: HostNetworkOptions = {}): HostNetwork {
    return new HostNetwork(options);
  }

  private constructor(options: HostNetworkOptions) {
    this.routes = options.routes ?? new Routes();
    this.onChange = options.onChange ?? (() => {});
    this.onAddresses = options.onAddresses ?? (() => {});
    this.others = options.expectsAll === true ? new Set() : null;
    // Notifications first, so that nothing changes unseen between reading and listening.
    this.notifications = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink', GROUPS);
    this.requests = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink');
    this.neighbours = new NeighbourWatch(this.routes, this.neighbourTable(), {
      onHop: options.onHop ?? (() => {}),
      onMoved: (port, address, mac) => {
        const neighbour = `${formatAddress(address)} on ${this.ports[port].name}`;
        this.onChange(`neighbour ${neighbour} has moved to ${formatMac(mac)}`);
      },
    });
    try {
      this.addPorts(options.known ?? choosePorts(this.requests, options.interfaces ?? []));
      this.routesRead = this.readRoutes();
      this.routes.setRoutes(this.routesRead);
      this.neighbours.resync();
    } catch (error) {
      this.notifications.close();
      this.requests.close();
      throw error;
    }
    this.readable = waitReadable(this.notifications.fd, (errno) => this.onReadable(errno));
    this.refreshTimer = setInterval(() => this.neighbours.refresh(), NEIGHBOUR_REFRESH_MS);
    this.refreshTimer.unref();
  }

  /** The port of an interface, -1 where it is none of ours. */
  portOf(ifindex: number): number {
    return ifindex === 0 ? -1 : this.ports.findIndex((port) => port.ifindex === ifindex);
  }

  /** Has the kernel find out a hop's MAC address; the outcome comes as `onHop`, a failure after seconds. */
  resolve(hop: number): void {
    this.neighbours.use(hop);
  }

  close(): void {
    this.readable.stop();
    clearInterval(this.refreshTimer);
    if (this.readTimer !== null) clearTimeout(this.readTimer);
    this.notifications.close();
    this.requests.close();
  }

  private neighbourTable(): NeighbourTable {
    return {
      list: () => readNeighbours(this.requests),
      use: (ifindex, address) => useNeighbour(this.requests, ifindex, address),
      portOf: (ifindex) => this.portOf(ifindex),
      ifindexOf: (port) => this.ports[port].ifindex,
    };
  }

  private addPorts(chosen: readonly KnownPort[]): void {
    const links = followInterfaces(chosen, readLinks(this.requests));
    const addresses = readAddresses(this.requests);
    for (const [port, { name }] of chosen.entries()) {
      const state = links[port] === undefined ? { name, ...NO_LINK } : stateOf(links[port]);
      this.ports.push({ port, ...state, address: firstAddress(addresses, state.ifindex) });
      this.routes.setPort(port, { ...this.ports[port] });
    }
  }

  private onReadable(errno: number): void {
    const failure = errno === 0 ? this.notifications.receive((m) => this.onNotification(m)) : errno;
    if (failure === 0) return;
    if (failure !== constants.errno.ENOBUFS) {
      this.onChange(
        `reading notifications failed (${errnoName(failure)}), reading everything anew`,
      );
    }
    // Those before the loss would be taken for news after everything has been read.
    this.notifications.discard();
    this.neighbours.resync();
    this.readSoon();
  }

  private onNotification(message: Message): void {
    if (message.type === RTM_NEWNEIGH || message.type === RTM_DELNEIGH) {
      const neighbour = parseNeighbour(message);
      if (neighbour === null) return;
      if (message.type === RTM_NEWNEIGH) this.neighbours.changed(neighbour);
      else this.neighbours.removed(neighbour);
      return;
    }
    if (message.type === RTM_DELLINK) this.linkGone(parseRemovedLink(message));
    this.readSoon();
  }

  /** Noticed at once: by the time of the next reading it may be there again, even with the same index. */
  private linkGone(ifindex: number): void {
    const port = this.portOf(ifindex);
    if (port >= 0) this.applyLink(this.ports[port], undefined);
  }

  private readSoon(): void {
    this.readTimer ??= setTimeout(() => {
      this.readTimer = null;
      this.readAnew();
    }, this.restMs);
  }

  private readAnew(): void {
    const start = performance.now();
    try {
      this.applyLinks();
      this.applyRoutes();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.onChange(`can't read the host's network, trying again: ${error.message}`);
      this.restMs = READ_AGAIN_MS;
      this.readSoon();
      return;
    }
    this.restMs = Math.max(SETTLE_MS, (performance.now() - start) * REST_FACTOR);
  }

  /** Takes over what has changed about our interfaces. */
  private applyLinks(): void {
    const links = readLinks(this.requests);
    const addresses = readAddresses(this.requests);
    const found = followInterfaces(this.ports, links);
    for (const port of this.ports) {
      this.applyLink(port, found[port.port]);
      const address = firstAddress(addresses, port.ifindex);
      if (address === port.address) continue;
      port.address = address;
      this.routes.setPort(port.port, { ...port });
      // Without an address the kernel asks in vain.
      this.neighbours.introduce(port.port);
    }
    this.noteOthers(links, addresses);
  }

  private applyLink(port: HostPort, link: Link | undefined): void {
    const description = describeLink(port, link);
    if (description === '') return;
    const before = { ...port };
    Object.assign(port, link === undefined ? { ...NO_LINK, mac: port.mac } : stateOf(link));
    this.routes.setPort(port.port, { ...port });
    const isAnew = port.ifindex !== before.ifindex;
    if (isAnew && port.ifindex !== 0) this.neighbours.resync();
    // A MAC address that has changed alone isn't told to anybody by the kernel.
    if (port.up && (isAnew || !before.up || formatMac(port.mac) !== formatMac(before.mac))) {
      this.neighbours.introduce(port.port);
    }
    this.onChange(description);
  }

  private noteOthers(links: readonly Link[], addresses: readonly LinkAddress[]): void {
    const { others } = this;
    if (others === null) return;
    for (const { ifindex, name } of links.filter(isUsable)) {
      const isInUse = addresses.some((address) => address.ifindex === ifindex);
      if (!isInUse || others.has(ifindex) || this.portOf(ifindex) >= 0) continue;
      others.add(ifindex);
      this.onChange(`interface ${name}: not among those in use; "uvs upgrade" takes it in`);
    }
  }

  private readRoutes(): Route[] {
    return readRoutes(this.requests, (ifindex) => this.portOf(ifindex));
  }

  private applyRoutes(): void {
    const routes = this.readRoutes();
    if (JSON.stringify(routes) === JSON.stringify(this.routesRead)) return;
    const before = this.routesRead;
    this.routesRead = routes;
    this.routes.setRoutes(routes);
    const { addresses, others } = describeRoutes(before, routes, (port) => this.ports[port].name);
    if (addresses !== '') this.onChange(addresses);
    if (others !== '') this.onChange(others);
    if (addresses !== '') this.onAddresses();
  }
}

/**
 * The interfaces that become ports: the named ones, without names all Ethernet interfaces with IPv4 addresses or
 * routes. Throws where one doesn't exist or the kernel refuses.
 */
export function findPorts(names: readonly string[]): KnownPort[] {
  const socket = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink');
  try {
    return choosePorts(socket, names).map(({ name, ifindex }) => ({ name, ifindex }));
  } finally {
    socket.close();
  }
}

function choosePorts(socket: NetlinkSocket, names: readonly string[]): Link[] {
  const inUse = new Set(readAddresses(socket).map((address) => address.ifindex));
  // A "port number" that is the interface's index finds the interfaces with routes.
  for (const route of readRoutes(socket, (ifindex) => ifindex)) inUse.add(route.port);
  return chooseInterfaces(readLinks(socket), names, inUse);
}

function stateOf({ name, ifindex, mac, mtu, up, running }: Link) {
  return { name, ifindex, mac, mtu, up, running };
}

/** The kernel lists an interface's primary addresses first. */
function firstAddress(addresses: readonly LinkAddress[], ifindex: number): number {
  return addresses.find((address) => address.ifindex === ifindex)?.address ?? 0;
}
