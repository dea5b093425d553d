/**
 * The kernel's IPv4 routes as `Route`s: tables local, main and default. Routing by policy rules, source
 * address or TOS is not followed, nor are routes through an IPv6 gateway.
 */
import { prefixMask } from '../route/prefixes.js';
import type { Route } from '../route/routes.js';
import type { NetlinkSocket } from './netlink.js';
import { aligned, readAttributes, type Message } from './netlink-message.js';
import { AF_INET, dumpRequest } from './rtnetlink.js';

const RTM_GETROUTE = 26;
const RTMSG_BYTES = 12;

const RT_TABLE_DEFAULT = 253;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;

const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTN_ANYCAST = 4;
const RTN_BLACKHOLE = 6;
const RTN_UNREACHABLE = 7;
const RTN_PROHIBIT = 8;

const RTNH_F_DEAD = 1;
const RTM_F_CLONED = 0x200;
const RTNH_BYTES = 8;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;

/** Added to the metric of table default, which is consulted after table main. */
const DEFAULT_TABLE_METRIC = 0x1_0000_0000;

interface NextHop {
  gateway: number;
  /** 0 where it can't be reached in a way we know. */
  ifindex: number;
  /** The kernel has given this next hop up. */
  dead: boolean;
}

/** All routes. `portOf` gives an interface's port number, -1 for one that is none of the driver's. */
export function readRoutes(socket: NetlinkSocket, portOf: (ifindex: number) => number): Route[] {
  const local: Route[] = [];
  const others: Route[] = [];
  const request = dumpRequest(RTM_GETROUTE, RTMSG_BYTES, AF_INET);
  socket.dump('listing routes', request, (message) => {
    const route = parseRoute(message, portOf);
    if (route !== null) (tableOf(message) === RT_TABLE_LOCAL ? local : others).push(route);
  });
  return [...local, ...outsideLocalTable(local, others)];
}

/**
 * Table local decides first, whatever the prefix lengths: a route of another table inside one of its prefixes
 * is never reached. Returns the others.
 */
export function outsideLocalTable(local: readonly Route[], others: readonly Route[]): Route[] {
  const wide = local.filter((route) => route.prefixLength < 32);
  return others.filter((route) => !wide.some((outer) => covers(outer, route)));
}

function covers(outer: Route, inner: Route): boolean {
  if (outer.prefixLength > inner.prefixLength) return false;
  return ((outer.address ^ inner.address) & prefixMask(outer.prefixLength)) === 0;
}

/**
 * struct rtmsg: family 1, destination bits 1, source bits 1, tos 1, table 1, protocol 1, scope 1, type 1,
 * flags 4. Null for a route that doesn't count here.
 */
export function parseRoute(message: Message, portOf: (ifindex: number) => number): Route | null {
  const { body } = message;
  const attributes = readAttributes(body.subarray(RTMSG_BYTES));
  const table = tableOf(message);
  if (table !== RT_TABLE_LOCAL && table !== RT_TABLE_MAIN && table !== RT_TABLE_DEFAULT)
    return null;
  if (body[0] !== AF_INET || body[3] !== 0 || (body.readUInt32LE(8) & RTM_F_CLONED) !== 0)
    return null;
  const kind = kindOf(body[7]);
  if (kind === null) return null;
  const hop = nextHopOf(body.readUInt32LE(8), attributes, portOf);
  if (hop.dead) return null;
  const metrics = attributes.get(RTA_METRICS);
  const priority = attributes.get(RTA_PRIORITY)?.readUInt32LE(0) ?? 0;
  return {
    kind,
    address: attributes.get(RTA_DST)?.readInt32BE(0) ?? 0,
    prefixLength: body[1],
    gateway: hop.gateway,
    port: portOf(hop.ifindex),
    mtu: (metrics && readAttributes(metrics).get(RTAX_MTU)?.readUInt32LE(0)) ?? 0,
    metric: priority + (table === RT_TABLE_DEFAULT ? DEFAULT_TABLE_METRIC : 0),
  };
}

function tableOf(message: Message): number {
  const attribute = readAttributes(message.body.subarray(RTMSG_BYTES)).get(RTA_TABLE);
  return attribute?.readUInt32LE(0) ?? message.body[4];
}

function kindOf(type: number): Route['kind'] | null {
  switch (type) {
    case RTN_UNICAST:
      return 'unicast';
    case RTN_LOCAL:
    case RTN_ANYCAST:
      return 'local';
    case RTN_BROADCAST:
      return 'broadcast';
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
      return 'unreachable';
    default:
      return null;
  }
}

/** The route's next hop; of several the first usable one, out of one of our ports if there is such a one. */
function nextHopOf(
  flags: number,
  attributes: Map<number, Buffer>,
  portOf: (ifindex: number) => number,
): NextHop {
  const multipath = attributes.get(RTA_MULTIPATH);
  if (multipath === undefined) {
    return readNextHop(attributes.get(RTA_OIF)?.readInt32LE(0) ?? 0, flags, attributes);
  }
  const alive = readMultipath(multipath).filter((hop) => !hop.dead);
  const ours = alive.find((hop) => portOf(hop.ifindex) >= 0);
  return ours ?? alive[0] ?? { gateway: 0, ifindex: 0, dead: true };
}

/** struct rtnexthop: length 2, flags 1, hops 1, index 4, then attributes. */
function readMultipath(bytes: Buffer): NextHop[] {
  const hops: NextHop[] = [];
  let offset = 0;
  while (offset + RTNH_BYTES <= bytes.length) {
    const length = bytes.readUInt16LE(offset);
    if (length < RTNH_BYTES || offset + length > bytes.length) break;
    const attributes = readAttributes(bytes.subarray(offset + RTNH_BYTES, offset + length));
    hops.push(readNextHop(bytes.readInt32LE(offset + 4), bytes[offset + 2], attributes));
    offset += aligned(length);
  }
  return hops;
}

function readNextHop(ifindex: number, flags: number, attributes: Map<number, Buffer>): NextHop {
  return {
    gateway: attributes.get(RTA_GATEWAY)?.readInt32BE(0) ?? 0,
    ifindex: attributes.has(RTA_VIA) ? 0 : ifindex,
    dead: (flags & RTNH_F_DEAD) !== 0,
  };
}
