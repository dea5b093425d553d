/** The way to each real server: a route out of an interface of the director's, and a neighbour that answers. */
import { formatAddress } from '../../../../dataplane/sys/host-changes.js';
import { isUsable } from '../../../../dataplane/sys/interfaces.js';
import { NUD_FAILED, NUD_INCOMPLETE } from '../../../../dataplane/sys/rtnetlink.js';
import { nextHopMacs } from '../probe/reach.js';
import { listed, type Findings } from '../findings.js';
import { serversOf, type Server } from '../gateway.js';
import type { Host, Way } from '../host.js';
import type { Check } from '../check.js';

/** Most neighbours asked for by ARP. */
const QUESTIONS_MAX = 1000;

export const servers: Check = {
  name: 'servers',
  async run({ host, gateway }, findings) {
    const all = serversOf(gateway);
    if (all.length === 0) return;
    const interfaces = gateway.snapshot?.counters?.interfaces.map(({ name }) => name);
    const ways = all.flatMap((server) => {
      const way = usableWay(server, interfaces, host, findings);
      return way === null ? [] : [{ server, way }];
    });
    await findSilent(ways, host, findings);
    if (findings.isEmpty)
      findings.ok(`${all.length} servers: each has a route, and its neighbour answers`);
  },
};

function usableWay(
  { address }: Server,
  interfaces: readonly string[] | undefined,
  host: Host,
  findings: Findings,
): Way | null {
  if (host.isLocal(address)) {
    findings.error(
      `server ${address} is this host itself: NAT can't balance to the director's own programs`,
      `uvsadm -Ln  # then uvsadm -d -t VIP:PORT -r ${address}:PORT in each service that has it`,
    );
    return null;
  }
  const way = host.wayTo(address);
  if (way === null) {
    findings.error(
      `there is no route to server ${address}: its connections are dropped (no_route)`,
      `ip route get ${address}  # then ip link set INTERFACE up, or ip route add ${address} dev INTERFACE`,
    );
    return null;
  }
  if (!isUsable(way.link)) {
    findings.error(
      `the route to server ${address} leads out of ${way.link.name}, which is no Ethernet interface`,
      `ip route get ${address}`,
    );
    return null;
  }
  if (interfaces !== undefined && !interfaces.includes(way.link.name)) {
    findings.error(
      `the route to server ${address} leads out of ${way.link.name}, which the director doesn't work on`,
      'uvs upgrade  # takes in new interfaces, unless it was started with --interface: then name it there',
    );
    return null;
  }
  return way;
}

async function findSilent(
  ways: readonly { server: Server; way: Way }[],
  host: Host,
  findings: Findings,
): Promise<void> {
  const byHop = new Map<number, { way: Way; names: string[] }>();
  for (const { server, way } of ways) {
    const known = byHop.get(way.nextHop) ?? { way, names: [] };
    known.names.push(server.address);
    byHop.set(way.nextHop, known);
  }
  const hops = [...byHop.values()].slice(0, QUESTIONS_MAX);
  const silent = await silentOf(
    hops.map(({ way }) => way),
    host,
  );
  for (const { way, names } of hops) {
    if (!silent.has(way.nextHop)) continue;
    const neighbour = formatAddress(way.nextHop);
    const who = way.isDirect
      ? `server ${neighbour}`
      : `router ${neighbour} on the way to ${listed(names)}`;
    findings.error(
      `${who} doesn't answer ARP on ${way.link.name}: it is down, or not on that network`,
      `ping -c 1 ${neighbour}; ip neigh show ${neighbour} dev ${way.link.name}`,
    );
  }
}

/** The next hops without an answer; without the power to ask, those that the kernel has given up. */
async function silentOf(ways: readonly Way[], host: Host): Promise<Set<number>> {
  if (!host.powers.netRaw) {
    const failed = host.neighbours.filter(
      ({ state }) => (state & (NUD_FAILED | NUD_INCOMPLETE)) !== 0,
    );
    return new Set(failed.map(({ address }) => address));
  }
  const answers = await nextHopMacs(ways, host);
  return new Set(ways.map(({ nextHop }) => nextHop).filter((hop) => !answers.has(hop)));
}
