/** Clients in the servers' own network: the server answers its neighbour directly, from an address it didn't ask. */
import { listed } from '../findings.js';
import type { Pair } from '../connection-digest.js';
import type { Host } from '../host.js';
import type { Check } from '../check.js';

export const nearbyClients: Check = {
  name: 'nearby-clients',
  run({ host, gateway }, findings) {
    if (gateway.connections === null) return;
    // Where connections come about the servers have routes for it.
    const failing = nearbyPairs(gateway.connections.pairs, host).filter(
      ({ halfOpen, established }) => halfOpen > 0 && established === 0,
    );
    for (const client of new Set(failing.map((pair) => pair.client))) {
      const servers = failing.filter((pair) => pair.client === client).map(({ server }) => server);
      findings.error(
        `client ${client} is in the same network as ${listed(servers)}: the servers answer it directly, under an ` +
          'address that it has not asked, and it refuses the answer',
        `ip route add ${client}/32 via ${host.gatewayFor(servers[0])}  # on each server; or have it use a server directly`,
      );
    }
    if (findings.isEmpty) findings.ok("no client is in the servers' own network");
  },
};

/** Those of the pairs that are in the same connected network. */
export function nearbyPairs(pairs: readonly Pair[], host: Host): Pair[] {
  return pairs.filter(({ client, server }) => {
    const networks = host.networksOf(server);
    return host.networksOf(client).some((network) => networks.includes(network));
  });
}
