/**
 * The network around a director that replays a capture. A capture doesn't tell routes and neighbours, so there
 * is one port and one router behind which everybody else is:
 *
 *      everybody else --- router 192.0.2.1 --- [director: the virtual addresses of the rules, --local]
 *
 * Nothing is too big for the port: how large a packet the real networks take isn't known either.
 */
import type { Route, Routes } from '../../../../dataplane/route/routes.js';

const PORT = 0;
const MTU = 65_535;
/** 192.0.2.1 (RFC 5737). */
const ROUTER = 0xc000_0201 | 0;
const LOOPBACK_NET = 0x7f00_0000;
const BROADCAST = -1;
const DIRECTOR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const ROUTER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);

/** Fills in routes and the one neighbour. `locals` are the director's own addresses, int32. */
export function layNetwork(routes: Routes, locals: readonly number[]): void {
  const [address = 0] = locals;
  routes.setPort(PORT, { name: 'net', mac: DIRECTOR_MAC, mtu: MTU, up: true, address });
  routes.setRoutes([
    ...locals.map((local) => route('local', local, 32)),
    route('local', LOOPBACK_NET, 8),
    route('broadcast', BROADCAST, 32),
    { ...route('unicast', 0, 0), gateway: ROUTER, port: PORT },
  ]);
  routes.setNeighbour(PORT, ROUTER, ROUTER_MAC);
}

function route(kind: Route['kind'], address: number, prefixLength: number): Route {
  return { kind, address, prefixLength, gateway: 0, port: -1, mtu: 0, metric: 0 };
}
