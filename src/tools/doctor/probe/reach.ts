/** The servers with the way to each and the MAC address of its next hop. */
import { isUsable } from '../../../../dataplane/sys/interfaces.js';
import { serversOf, type Gateway, type Server } from '../gateway.js';
import type { Host, Way } from '../host.js';
import { askByArp } from './arp.js';

export interface ReachableServer {
  server: Server;
  way: Way;
  mac: Uint8Array;
}

/** Those servers whose next hop answers, of the first `max`. Throws SysError. */
export async function reachableServers(
  host: Host,
  gateway: Gateway,
  max: number,
): Promise<ReachableServer[]> {
  const first = serversOf(gateway).slice(0, max);
  const ways = first.flatMap((server) => {
    const way = host.wayTo(server.address);
    return way !== null && isUsable(way.link) ? [{ server, way }] : [];
  });
  const macs = await nextHopMacs(
    ways.map(({ way }) => way),
    host,
  );
  return ways.flatMap(({ server, way }) => {
    const mac = macs.get(way.nextHop);
    return mac === undefined ? [] : [{ server, way, mac }];
  });
}

/** MAC addresses by next hop, of those that answer. Throws SysError. */
export function nextHopMacs(ways: readonly Way[], host: Host): Promise<Map<number, Uint8Array>> {
  const byHop = new Map(ways.map((way) => [way.nextHop, way]));
  return askByArp(
    [...byHop.values()].map(({ link, nextHop }) => ({
      link,
      sender: host.addressOf(link, nextHop),
      target: nextHop,
    })),
  );
}
