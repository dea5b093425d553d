/**
 * Where everything happens:
 *
 *      clients                               director                              servers
 *      10.1.0.11 - 10.1.0.30   ---- port 0   10.1.0.1        10.2.0.1   port 1 ---- 10.2.0.11 - 10.2.0.18
 *      gateway 10.1.0.254                    VIPs 10.1.0.100, 10.1.0.101
 *        198.51.100.1 - .20 behind it
 *
 * A machine's MAC address is made of its number and its IPv4 address, so that whoever gets a frame can tell
 * whether it was meant for it. A machine that is replaced has another number, and so another MAC address.
 */
import { MAC_BYTES } from '../dataplane/wire/ethernet.js';
import type { Route } from '../dataplane/route/routes.js';

export const OUTER = 0;
export const INNER = 1;
export type Port = typeof OUTER | typeof INNER;
export const PORTS: readonly Port[] = [OUTER, INNER];

/** An IPv4 address, int32 in host order. */
export function address(a: number, b: number, c: number, d: number): number {
  return (a << 24) | (b << 16) | (c << 8) | d;
}

export const DIRECTOR = [address(10, 1, 0, 1), address(10, 2, 0, 1)] as const;
export const VIPS = [address(10, 1, 0, 100), address(10, 1, 0, 101)] as const;
export const GATEWAY = address(10, 1, 0, 254);
/** Nobody's: what comes from there is noise, and nobody waits for answers. */
export const NOISE_NET = address(203, 0, 113, 0);
const CLIENT_COUNT = 20;
const SERVER_COUNT = 8;

export const CLIENTS = [
  ...Array.from({ length: CLIENT_COUNT }, (_, i) => address(10, 1, 0, 11 + i)),
  ...Array.from({ length: CLIENT_COUNT }, (_, i) => address(198, 51, 100, 1 + i)),
];
export const SERVERS = Array.from({ length: SERVER_COUNT }, (_, i) => address(10, 2, 0, 11 + i));

const NEAR_CLIENTS = address(10, 1, 0, 0);
const SERVER_NET = address(10, 2, 0, 0);

/** True for the director's own addresses. */
export function isDirectors(target: number): boolean {
  return DIRECTOR.includes(target) || VIPS.some((vip) => vip === target);
}

/** The port behind which an address is, -1 for one that is nowhere. */
export function portTowards(target: number): Port | -1 {
  if (target >>> 8 === SERVER_NET >>> 8) return INNER;
  return target >>> 24 === 0 || target >>> 24 >= 224 ? -1 : OUTER;
}

/** The machine a packet for the address is handed to. */
export function nextHop(target: number): number {
  const isNear = target >>> 8 === NEAR_CLIENTS >>> 8 || target >>> 8 === SERVER_NET >>> 8;
  return isNear ? target : GATEWAY;
}

/** MAC address of the machine `number` at that address. */
export function macOf(target: number, number: number): Uint8Array {
  const mac = new Uint8Array(MAC_BYTES);
  mac.set([2, number, target >>> 24, target >>> 16, target >>> 8, target]);
  return mac;
}

/** The kernel's routes and local addresses. */
export function siteRoutes(): Route[] {
  return [
    ...[...DIRECTOR, ...VIPS].map((own) => route('local', own, 32, -1)),
    route('local', address(127, 0, 0, 0), 8, -1),
    route('broadcast', address(10, 1, 0, 255), 32, -1),
    route('broadcast', address(10, 2, 0, 255), 32, -1),
    route('unicast', NEAR_CLIENTS, 24, OUTER),
    route('unicast', SERVER_NET, 24, INNER),
    { ...route('unicast', 0, 0, OUTER), gateway: GATEWAY },
  ];
}

function route(kind: Route['kind'], prefix: number, prefixLength: number, port: number): Route {
  return { kind, address: prefix, prefixLength, gateway: 0, port, mtu: 0, metric: 0 };
}
