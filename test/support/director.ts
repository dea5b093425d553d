/**
 * A virtual server on an imaginary host, for tests of the engine:
 *
 *     clients 10.1.0.0/24 -- port 0, 10.1.0.1, VIP 10.1.0.100 [director] port 1, 10.2.0.1 -- servers 10.2.0.0/24
 */
import type { Route, Routes } from '../../dataplane/route/routes.js';
import type {
  DestinationKey,
  DestinationSettings,
  ServiceKey,
  ServiceSettings,
} from '../../src/control/api.js';
import {
  VirtualServer,
  type VirtualServerOptions,
} from '../../src/virtual-server/virtual-server.js';
import { address } from './frames.js';

export const OUTER = 0;
export const INNER = 1;
export const VIP = '10.1.0.100';

export class Clock {
  ticks = 0;
  readonly read = (): number => this.ticks;
}

function macOf(text: string): Uint8Array {
  const value = address(text);
  return Uint8Array.from([2, 0, value >>> 24, value >>> 16, value >>> 8, value]);
}

function route(kind: Route['kind'], text: string, prefixLength: number, port: number): Route {
  return { kind, address: address(text), prefixLength, gateway: 0, port, mtu: 0, metric: 0 };
}

/** Those of the imaginary host. */
export const ROUTES: Route[] = [
  route('local', '10.1.0.1', 32, OUTER),
  route('local', VIP, 32, OUTER),
  route('local', '10.2.0.1', 32, INNER),
  route('unicast', '10.1.0.0', 24, OUTER),
  route('unicast', '10.2.0.0', 24, INNER),
  { ...route('unicast', '0.0.0.0', 0, OUTER), gateway: address('10.1.0.254') },
];

export function testDirector(
  clock: Clock,
  options: Partial<VirtualServerOptions> = {},
): VirtualServer {
  const server = new VirtualServer({
    hashKey: [1, 2],
    clock: clock.read,
    capacity: { connections: 1 << 12, services: 64, destinations: 256 },
    ...options,
  });
  layNetwork(server.routes);
  return server;
}

const LAST_HOST = 254;

/** Tells about ports, routes and neighbours, of which there are hosts 2 to `lastHost` in each network. */
export function layNetwork(routes: Routes, lastHost = LAST_HOST): void {
  routes.setPort(OUTER, { name: 'outer', mac: macOf('10.1.0.1'), mtu: 1500, up: true });
  routes.setPort(INNER, { name: 'inner', mac: macOf('10.2.0.1'), mtu: 1500, up: true });
  routes.setRoutes(ROUTES);
  for (let host = 2; host <= lastHost; host++) {
    routes.setNeighbour(OUTER, address(`10.1.0.${host}`), macOf(`10.1.0.${host}`));
    routes.setNeighbour(INNER, address(`10.2.0.${host}`), macOf(`10.2.0.${host}`));
  }
}

export function serviceKey(port = 80, vip = VIP): ServiceKey {
  return { family: 'inet', protocol: 'tcp', address: vip, port, fwmark: 0 };
}

export function serviceSettings(settings: Partial<ServiceSettings> = {}): ServiceSettings {
  return {
    scheduler: 'rr',
    schedulerFlags: 0,
    persistent: false,
    timeoutSeconds: 0,
    netmask: '255.255.255.255',
    onePacket: false,
    persistenceEngine: '',
    ...settings,
  };
}

export function destinationKey(host: number, port = 80): DestinationKey {
  return { family: 'inet', address: `10.2.0.${host}`, port };
}

export function destinationSettings(
  settings: Partial<DestinationSettings> = {},
): DestinationSettings {
  return {
    forwarding: 'masq',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnel: { type: 'ipip', port: 0, checksum: 'none' },
    ...settings,
  };
}

/** Runs all timers up to the clock's present. */
export function settle(server: VirtualServer, clock: Clock): void {
  while (server.advance(clock.ticks, 1000));
}
