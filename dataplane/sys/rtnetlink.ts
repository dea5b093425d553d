/**
 * The kernel's links, IPv4 addresses and neighbours by rtnetlink: reading lists and notifications, asking
 * for a neighbour. IPv4 addresses are int32 in host order. Sources: linux/rtnetlink.h, if_link.h,
 * if_addr.h, neighbour.h; rtnetlink(7).
 */
import type { NetlinkSocket } from './netlink.js';
import {
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  readAttributes,
  readText,
  type Message,
} from './netlink-message.js';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

/** Groups of notifications. */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_NEIGH = 3;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV4_ROUTE = 7;

const AF_UNSPEC = 0;
export const AF_INET = 2;
const ARPHRD_ETHER = 1;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x10000;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFINFOMSG_BYTES = 16;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFADDRMSG_BYTES = 8;

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDMSG_BYTES = 12;
const NTF_USE = 0x01;

/** States of a neighbour. */
export const NUD_INCOMPLETE = 0x01;
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
/** States in which the MAC address counts, as in the kernel. */
export const NUD_VALID =
  NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

export interface Link {
  ifindex: number;
  name: string;
  /** Six bytes; none where the link has no Ethernet addresses. */
  mac: Uint8Array;
  mtu: number;
  /** Set up by the administrator. */
  up: boolean;
  /** Has a carrier. */
  running: boolean;
  loopback: boolean;
  ethernet: boolean;
  /** "veth", "bridge", ..., empty for hardware. */
  kind: string;
}

export interface LinkAddress {
  ifindex: number;
  address: number;
  prefixLength: number;
}

export interface Neighbour {
  ifindex: number;
  address: number;
  /** Null where it isn't known. */
  mac: Uint8Array | null;
  /** One of the NUD states. */
  state: number;
}

export function readLinks(socket: NetlinkSocket): Link[] {
  const links: Link[] = [];
  const request = dumpRequest(RTM_GETLINK, IFINFOMSG_BYTES, 0);
  socket.dump('listing links', request, (message) => links.push(parseLink(message)));
  return links;
}

export function readAddresses(socket: NetlinkSocket): LinkAddress[] {
  const addresses: LinkAddress[] = [];
  const request = dumpRequest(RTM_GETADDR, IFADDRMSG_BYTES, AF_INET);
  socket.dump('listing addresses', request, (message) => addresses.push(parseAddress(message)));
  return addresses;
}

export function readNeighbours(socket: NetlinkSocket): Neighbour[] {
  const neighbours: Neighbour[] = [];
  const request = dumpRequest(RTM_GETNEIGH, NDMSG_BYTES, AF_INET);
  socket.dump('listing neighbours', request, (message) => {
    const neighbour = parseNeighbour(message);
    if (neighbour !== null) neighbours.push(neighbour);
  });
  return neighbours;
}

/**
 * Tells the kernel that a neighbour is about to be used, as if it had a packet for it: an unknown or failed
 * one is asked for by ARP at once, a stale one is confirmed, and a known one is left in peace.
 */
export function useNeighbour(socket: NetlinkSocket, ifindex: number, address: number): void {
  const header = Buffer.alloc(NDMSG_BYTES);
  header[0] = AF_INET;
  header.writeInt32LE(ifindex, 4);
  header[10] = NTF_USE;
  const message = new MessageBuilder(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, header);
  socket.request('asking for a neighbour', message.attribute(NDA_DST, addressBytes(address)));
}

export function setLinkUp(socket: NetlinkSocket, ifindex: number): void {
  const header = Buffer.alloc(IFINFOMSG_BYTES);
  header.writeInt32LE(ifindex, 4);
  header.writeUInt32LE(IFF_UP, 8);
  header.writeUInt32LE(IFF_UP, 12);
  const message = new MessageBuilder(RTM_NEWLINK, NLM_F_ACK, header);
  socket.request('setting an interface up', message);
}

/** struct ifinfomsg: family 1, pad 1, type 2, index 4, flags 4, change 4. */
function parseLink(message: Message): Link {
  const { body } = message;
  const attributes = readAttributes(body.subarray(IFINFOMSG_BYTES));
  const flags = body.readUInt32LE(8);
  const ethernet = body.readUInt16LE(2) === ARPHRD_ETHER;
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info === undefined ? undefined : readAttributes(info).get(IFLA_INFO_KIND);
  return {
    ifindex: body.readInt32LE(4),
    name: readText(attributes.get(IFLA_IFNAME) ?? Buffer.alloc(0)),
    mac: Uint8Array.from((ethernet ? attributes.get(IFLA_ADDRESS) : undefined) ?? []),
    mtu: attributes.get(IFLA_MTU)?.readUInt32LE(0) ?? 0,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    ethernet,
    kind: kind === undefined ? '' : readText(kind),
  };
}

/** The index of an interface that is no more; 0 where it has only left a bridge. */
export function parseRemovedLink({ body }: Message): number {
  return body[0] === AF_UNSPEC ? body.readInt32LE(4) : 0;
}

/** struct ifaddrmsg: family 1, prefix length 1, flags 1, scope 1, index 4. */
function parseAddress(message: Message): LinkAddress {
  const { body } = message;
  const attributes = readAttributes(body.subarray(IFADDRMSG_BYTES));
  // On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is always our own.
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  return {
    ifindex: body.readInt32LE(4),
    address: address?.readInt32BE(0) ?? 0,
    prefixLength: body[1],
  };
}

/** struct ndmsg: family 1, pad 3, index 4, state 2, flags 1, type 1. Null where it isn't about IPv4. */
export function parseNeighbour(message: Message): Neighbour | null {
  const { body } = message;
  const attributes = readAttributes(body.subarray(NDMSG_BYTES));
  const address = attributes.get(NDA_DST);
  if (body[0] !== AF_INET || address === undefined) return null;
  const mac = attributes.get(NDA_LLADDR);
  const state = body.readUInt16LE(8);
  const known = (state & NUD_VALID) !== 0 && mac?.length === 6;
  return {
    ifindex: body.readInt32LE(4),
    address: address.readInt32BE(0),
    mac: known ? Uint8Array.from(mac) : null,
    state,
  };
}

export function addressBytes(address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(address);
  return bytes;
}

export function dumpRequest(type: number, headerBytes: number, family: number): MessageBuilder {
  const header = Buffer.alloc(headerBytes);
  header[0] = family;
  return new MessageBuilder(type, NLM_F_DUMP, header);
}
