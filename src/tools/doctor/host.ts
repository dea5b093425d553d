/** The host as the doctor's checks see it: what the kernel tells of its network, read once. Nothing is changed. */
import { readFileSync } from 'node:fs';
import { prefixMask } from '../../../dataplane/route/prefixes.js';
import { NO_HOP, Routes } from '../../../dataplane/route/routes.js';
import {
  readCapabilities,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
} from '../../../dataplane/sys/capabilities.js';
import { formatAddress } from '../../../dataplane/sys/host-changes.js';
import { isUsable } from '../../../dataplane/sys/interfaces.js';
import { readRoutes } from '../../../dataplane/sys/kernel-routes.js';
import { NETLINK_ROUTE, NetlinkSocket } from '../../../dataplane/sys/netlink.js';
import { readRoutingRules, type RoutingRule } from '../../../dataplane/sys/routing-rules.js';
import {
  readAddresses,
  readLinks,
  readNeighbours,
  type Link,
  type LinkAddress,
  type Neighbour,
} from '../../../dataplane/sys/rtnetlink.js';
import { readSysctl } from '../../../dataplane/sys/sysctl.js';
import { ipv4FromText } from '../../control/ipv4.js';

/** The way that packets to an address take. */
export interface Way {
  link: Link;
  /** The next router, or the address itself: int32. */
  nextHop: number;
  isDirect: boolean;
  /** Largest IP packet in bytes. */
  mtu: number;
}

export interface Powers {
  netAdmin: boolean;
  netRaw: boolean;
}

export class Host {
  private readonly routes = new Routes();

  private constructor(
    /** All interfaces there are. */
    readonly links: readonly Link[],
    readonly addresses: readonly LinkAddress[],
    readonly neighbours: readonly Neighbour[],
    /** Those that an administrator has added. */
    readonly routingRules: readonly RoutingRule[],
    /** What this process may do. */
    readonly powers: Powers,
  ) {}

  /** Throws SysError. */
  static open(): Host {
    const socket = NetlinkSocket.open(NETLINK_ROUTE, 'rtnetlink');
    try {
      const links = readLinks(socket);
      const { effective } = readCapabilities();
      const host = new Host(
        links,
        readAddresses(socket),
        readNeighbours(socket),
        readRoutingRules(socket),
        { netAdmin: (effective & CAP_NET_ADMIN) !== 0n, netRaw: (effective & CAP_NET_RAW) !== 0n },
      );
      for (const [port, link] of links.entries()) host.routes.setPort(port, link);
      const portOf = (ifindex: number) => links.findIndex((link) => link.ifindex === ifindex);
      host.routes.setRoutes(readRoutes(socket, portOf));
      return host;
    } finally {
      socket.close();
    }
  }

  /** A file's text, such as one of /proc; empty where there is none or it may not be read. */
  read(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  }

  /** A kernel setting's value; null where this kernel hasn't got it. */
  setting(name: string): number | null {
    try {
      return Number(readSysctl(name));
    } catch {
      return null;
    }
  }

  /** The Ethernet interfaces with addresses: those that a director would work on. */
  get ports(): Link[] {
    const inUse = new Set(this.addresses.map(({ ifindex }) => ifindex));
    return this.links.filter((link) => isUsable(link) && inUse.has(link.ifindex));
  }

  isLocal(address: string): boolean {
    return this.routes.isLocal(int32(address));
  }

  /** The way to an address; null where there is none, or it is this host's own. */
  wayTo(address: string): Way | null {
    const target = int32(address);
    const hop = this.routes.lookup(target);
    if (hop === NO_HOP) return null;
    const nextHop = this.routes.addressOf(hop);
    return {
      link: this.links[this.routes.portOf(hop)],
      nextHop,
      isDirect: nextHop === target,
      mtu: this.routes.mtuOf(hop),
    };
  }

  /** The connected networks, without those of a single address, that an address lies in. */
  networksOf(address: string): LinkAddress[] {
    return this.addresses.filter(
      (own) =>
        own.prefixLength < 31 &&
        ((own.address ^ int32(address)) & prefixMask(own.prefixLength)) === 0,
    );
  }

  /** The interface that has this address; undefined where none has. */
  linkWith(address: string): Link | undefined {
    const own = this.addresses.find((one) => one.address === int32(address));
    return this.links.find(({ ifindex }) => ifindex === own?.ifindex);
  }

  /** An address of the interface, best one of the same network as `near`; 0 where it has none. */
  addressOf(link: Link, near = 0): number {
    const own = this.addresses.filter(({ ifindex }) => ifindex === link.ifindex);
    const neighbourly = own.find(
      ({ address, prefixLength }) => ((address ^ near) & prefixMask(prefixLength)) === 0,
    );
    return (neighbourly ?? own[0])?.address ?? 0;
  }

  /** This host's address that a server should have as its default gateway. */
  gatewayFor(server: string): string {
    const way = this.wayTo(server);
    return way === null ? 'DIRECTOR' : formatAddress(this.addressOf(way.link, way.nextHop));
  }
}

/** "10.1.0.100", already checked, as int32 in host order. */
export function int32(address: string): number {
  return ipv4FromText(address) ?? 0;
}
