/**
 * The network that scenarios are recorded in, as routes and neighbours.
 *
 *      clients, gateway                      director                         real servers
 *      10.1.0.2 - 10.1.0.20   --- ext  10.1.0.1/24           int ---  10.2.0.2 - 10.2.0.9
 *      10.1.0.254 (gateway)       VIPs 10.1.0.100/32         10.2.0.1/24
 *                                      10.1.0.101/32
 *
 * Other addresses are behind the gateway. MAC addresses are made of the IPv4 addresses, so that a frame's
 * receiver tells its next hop.
 */
import { HEADER_OK, checkHeader, source } from '../../../dataplane/wire/ipv4.js';
import {
  ETHERNET_HEADER_BYTES,
  MAC_BYTES,
  writeEthertype,
} from '../../../dataplane/wire/ethernet.js';
import { read32, write16, write32 } from '../../../dataplane/wire/bytes.js';
import type { Route, Routes } from '../../../dataplane/route/routes.js';
import { ipv4FromText, ipv4ToText } from '../../control/ipv4.js';
import type { PortName, Scenario } from './scenario.js';

const PORT_NAMES: readonly PortName[] = ['ext', 'int'];
const EXT = 0;
const INT = 1;
const DEFAULT_MTU = 1500;
const PORT_ADDRESSES = ['10.1.0.1', '10.2.0.1'];
const LOCAL_ADDRESSES = [...PORT_ADDRESSES, '10.1.0.100', '10.1.0.101'];
const BROADCAST_ADDRESSES = ['10.1.0.255', '10.2.0.255', '255.255.255.255'];
const CLIENT_NET = '10.1.0.0';
const SERVER_NET = '10.2.0.0';
const GATEWAY = '10.1.0.254';
const FIRST_NEIGHBOUR = 2;
const LAST_CLIENT = 20;
const LAST_SERVER = 9;
const NET_BITS = 24;
const HOST_BITS = 32;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** First two bytes of a MAC address; the other four are the host's IPv4 address. */
const MAC_PREFIX = 0x0200;

export function portNumber(name: PortName): number {
  return PORT_NAMES.indexOf(name);
}

export function portName(port: number): PortName {
  return PORT_NAMES[port];
}

/** Fills in routes and neighbours. */
export function layNetwork(routes: Routes, mtu: Scenario['mtu']): void {
  PORT_NAMES.forEach((name, port) => {
    const address = int32(PORT_ADDRESSES[port]);
    const mac = macOf(address);
    routes.setPort(port, { name, mac, mtu: mtu?.[name] ?? DEFAULT_MTU, up: true, address });
  });

  routes.setRoutes([
    ...LOCAL_ADDRESSES.map((text) => local(text, HOST_BITS)),
    local('127.0.0.0', 8),
    ...BROADCAST_ADDRESSES.map((text) => broadcast(text)),
    net(CLIENT_NET, NET_BITS, EXT),
    net(SERVER_NET, NET_BITS, INT),
    { ...net('0.0.0.0', 0, EXT), gateway: int32(GATEWAY) },
  ]);
  addNeighbours(routes, EXT, CLIENT_NET, LAST_CLIENT);
  addNeighbours(routes, INT, SERVER_NET, LAST_SERVER);
  routes.setNeighbour(EXT, int32(GATEWAY), macOf(int32(GATEWAY)));
}

/** True for an address that is one of the director's own. */
export function isDirectorAddress(address: string): boolean {
  return LOCAL_ADDRESSES.includes(address);
}

/** True for an address that no packet from outside comes from: the director's own, or no host's. */
export function isMartian(address: string): boolean {
  const first = Number(address.split('.', 1)[0]);
  const isNoHost = first === 0 || first === 127 || (first >= 224 && first < 240);
  return isNoHost || address === '255.255.255.255' || isDirectorAddress(address);
}

/**
 * True for the address of another host that the director can send to: no broadcast, multicast or loopback, and
 * in the two networks only hosts that are there.
 */
export function isReachable(address: string): boolean {
  const [first, , , host] = address.split('.').map(Number);
  if (first === 0 || first === 127 || first >= 224 || isDirectorAddress(address)) return false;
  const isOn = (net: string) => int32(net) >>> 8 === int32(address) >>> 8;
  if (isOn(SERVER_NET)) return host >= FIRST_NEIGHBOUR && host <= LAST_SERVER;
  if (!isOn(CLIENT_NET) || address === GATEWAY) return true;
  return host >= FIRST_NEIGHBOUR && host <= LAST_CLIENT;
}

/**
 * Writes the Ethernet header of a packet that arrives at a port, 14 bytes in front of the packet at `ip`,
 * which has `length` bytes. The sender is the packet's, or the gateway where that isn't in the network.
 */
export function writeArrival(memory: Uint8Array, ip: number, length: number, port: number): void {
  const frame = ip - ETHERNET_HEADER_BYTES;
  const isIPv4 = checkHeader(memory, ip, length) === HEADER_OK;
  const sender = isIPv4 ? source(memory, ip) : int32(GATEWAY);
  const onLink = sender >>> 8 === int32(port === EXT ? CLIENT_NET : SERVER_NET) >>> 8;
  memory.set(macOf(int32(PORT_ADDRESSES[port])), frame);
  memory.set(macOf(onLink ? sender : int32(GATEWAY)), frame + MAC_BYTES);
  writeEthertype(memory, frame, memory[ip] >> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
}

/** The next hop that a frame is addressed to. */
export function nextHopOf(frame: Uint8Array): string {
  return ipv4ToText(read32(frame, 2));
}

function local(text: string, prefixLength: number): Route {
  return { ...net(text, prefixLength, -1), kind: 'local' };
}

function broadcast(text: string): Route {
  return { ...net(text, HOST_BITS, -1), kind: 'broadcast' };
}

function net(text: string, prefixLength: number, port: number): Route {
  const address = int32(text);
  return { kind: 'unicast', address, prefixLength, gateway: 0, port, mtu: 0, metric: 0 };
}

function addNeighbours(routes: Routes, port: number, net: string, last: number): void {
  for (let host = FIRST_NEIGHBOUR; host <= last; host++) {
    routes.setNeighbour(port, int32(net) + host, macOf(int32(net) + host));
  }
}

function macOf(address: number): Uint8Array {
  const mac = new Uint8Array(MAC_BYTES);
  write16(mac, 0, MAC_PREFIX);
  write32(mac, 2, address);
  return mac;
}

function int32(text: string): number {
  const address = ipv4FromText(text);
  if (address === undefined) throw new Error(`${text} is no IPv4 address`);
  return address;
}
