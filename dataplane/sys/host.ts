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
import { errnoName } from './errors.js';
import { chooseInterfaces } from './interfaces.js';
import { readRoutes } from './kernel-routes.js';
import { NeighbourWatch, type NeighbourTable } from './neighbours.js';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink.js';
import type { Message } from './netlink-message.js';
import { waitReadable, type Readable } from './readable.js';
import {
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  parseNeighbour,
  readAddresses,
  readLinks,
  readNeighbours,
  useNeighbour,
  type Link,
} from './rtnetlink.js';

const GROUPS = [RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE];
/** Notifications that come within this time lead to one reading. */
const SETTLE_MS = 10;
/** Reading may take one part in so many of the time, however large the tables are. */
const REST_FACTOR = 10;
const NEIGHBOUR_REFRESH_MS = 1000;

/** What a port has whose interface is gone. */
const NO_LINK = { ifindex: 0, mac: new Uint8Array(6), mtu: 1500, up: false };

export interface HostPort {
  port: number;
  name: string;
  /** 0 while there is no such interface. */
  ifindex: number;
  mac: Uint8Array;
  mtu: number;
  /** False also where the interface is gone. */
  up: boolean;
}

/** A port as another process knows it: its interface may be gone or have another name by now. */
export interface KnownPort {
  name: string;
  ifindex: number;
}

export interface HostNetworkOptions {
  /** Names of the interfaces to use; without any all Ethernet interfaces with IPv4 addresses or routes. */
  interfaces?: readonly string[];
  /** By port number, the ports that were chosen already; `interfaces` doesn't count then. */
  known?: readonly KnownPort[];
  /** To be filled in; a new one by default. */
  routes?: Routes;
  /** Called with a sentence for people whenever the host's network has changed. */
  onChange?: (description: string) => void;
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
  private readTimer: NodeJS.Timeout | null = null;
  private restMs = SETTLE_MS;
  private routesRead = '';

  /** Throws where an interface doesn't exist or the kernel refuses. */
  static open(options: HostNetworkOptions = {}): HostNetwork {
    return new HostNetwork(options);
  }

  private constructor(options: HostNetworkOptions) {
    this.routes = options.routes ?? new Routes();
    this.onChange = options.onChange ?? (() => {});
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
      this.applyRoutes();
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
    return this.ports.findIndex((port) => port.ifindex === ifindex);
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
    const links = readLinks(this.requests);
    for (const [port, known] of chosen.entries()) {
      const { name, ifindex, mac, mtu, up } = findLink(links, known) ?? { ...known, ...NO_LINK };
      this.ports.push({ port, name, ifindex, mac, mtu, up });
      this.routes.setPort(port, { name, mac, mtu, up });
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
    if (message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) {
      this.readSoon();
      return;
    }
    const neighbour = parseNeighbour(message);
    if (neighbour === null) return;
    if (message.type === RTM_NEWNEIGH) this.neighbours.changed(neighbour);
    else this.neighbours.removed(neighbour);
  }

  private readSoon(): void {
    this.readTimer ??= setTimeout(() => {
      this.readTimer = null;
      const start = performance.now();
      this.applyLinks();
      this.applyRoutes();
      this.restMs = Math.max(SETTLE_MS, (performance.now() - start) * REST_FACTOR);
    }, this.restMs);
  }

  /** Takes over what has changed about our interfaces. */
  private applyLinks(): void {
    const links = readLinks(this.requests);
    let reappeared = false;
    for (const port of this.ports) {
      const link = findLink(links, port);
      const changes = describeChanges(port, link);
      if (changes.length === 0) continue;
      reappeared ||= link !== undefined && link.ifindex !== port.ifindex;
      const { ifindex, name, mac, mtu, up } = link ?? { ...port, up: false };
      Object.assign(port, { ifindex, name, mac, mtu, up });
      this.routes.setPort(port.port, { name, mac, mtu, up });
      this.onChange(`interface ${port.name}: ${changes.join(', ')}`);
    }
    if (reappeared) this.neighbours.resync();
  }

  private applyRoutes(): void {
    const routes: Route[] = readRoutes(this.requests, (ifindex) => this.portOf(ifindex));
    const text = JSON.stringify(routes);
    if (text === this.routesRead) return;
    const isFirst = this.routesRead === '';
    this.routesRead = text;
    this.routes.setRoutes(routes);
    if (!isFirst) this.onChange(`routes have changed, ${routes.length} now`);
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

/** The interface itself, or one that has taken the name of an interface that is gone. */
function findLink(links: readonly Link[], port: KnownPort): Link | undefined {
  return (
    links.find((link) => link.ifindex === port.ifindex) ??
    links.find((link) => link.name === port.name && link.mac.length === 6)
  );
}

function describeChanges(port: HostPort, link: Link | undefined): string[] {
  if (link === undefined) return port.up ? ['gone'] : [];
  const changes: string[] = [];
  if (link.ifindex !== port.ifindex) changes.push('made anew');
  if (link.name !== port.name) changes.push(`renamed to ${link.name}`);
  if (formatMac(link.mac) !== formatMac(port.mac)) changes.push(`MAC ${formatMac(link.mac)}`);
  if (link.mtu !== port.mtu) changes.push(`MTU ${link.mtu}`);
  if (link.up !== port.up) changes.push(link.up ? 'up' : 'down');
  return changes;
}

function formatMac(mac: Uint8Array): string {
  return Buffer.from(mac).toString('hex').match(/../g)?.join(':') ?? '';
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
