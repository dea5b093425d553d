/** Servers that get clients' SYNs and whose answers don't come back through the director. */
import type { DestinationSnapshot } from '../../../control/snapshot.js';
import { endpointName } from '../../../control/names.js';
import { nearbyPairs } from './nearby-clients.js';
import type { Gateway } from '../gateway.js';
import type { Host } from '../host.js';
import type { Check } from '../check.js';

/** Handshakes that hang at a server that has answered others before. */
const HANGING_MIN = 3;

export const returnPath: Check = {
  name: 'return-path',
  run({ host, gateway }, findings) {
    if (gateway.snapshot === null) return;
    for (const service of gateway.snapshot.services) {
      for (const server of service.destinations) {
        const { hanging, open } = handshakesOf(server, host, gateway);
        const { inPackets, outPackets } = server.statistics;
        const isMute =
          outPackets === 0 && inPackets > 1 && (hanging > 0 || server.unansweredSyns > 0);
        if (!isMute && (hanging < HANGING_MIN || hanging <= open)) continue;
        const name = endpointName(server);
        const extent = isMute
          ? 'nothing has ever come back'
          : `${hanging} connections are half open, ${open} established`;
        findings.error(
          `server ${name} gets SYNs, but its answers don't come back through this director (${extent}): it is down, ` +
            'or its default gateway is not this director. uvs doctor --probe tells which',
          `ip route replace default via ${host.gatewayFor(server.address)}  # on ${server.address}`,
        );
      }
    }
    if (findings.isEmpty) findings.ok('the servers answer through this director');
  },
};

/** Half-open and established connections, without those of clients in the server's own network. */
function handshakesOf(
  server: DestinationSnapshot,
  host: Host,
  { connections }: Gateway,
): { hanging: number; open: number } {
  const pairs = connections?.pairsOf(server.address) ?? [];
  const nearby = new Set(nearbyPairs(pairs, host));
  const others = pairs.filter((pair) => !nearby.has(pair));
  const sum = (key: 'halfOpen' | 'established') =>
    others.reduce((total, pair) => total + pair[key], 0);
  return { hanging: sum('halfOpen'), open: sum('established') };
}
