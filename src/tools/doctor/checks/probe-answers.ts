/** With --probe: does each server listen, and do its answers to clients come back through this host? */
import { formatAddress } from '../../../../dataplane/sys/host-changes.js';
import { endpointName } from '../../../control/names.js';
import { answeredHere, tryToConnect, type Connection, type Question } from '../probe/handshakes.js';
import { reachableServers, type ReachableServer } from '../probe/reach.js';
import type { Findings } from '../findings.js';
import { virtualAddressesOf } from '../gateway.js';
import { int32, type Host } from '../host.js';
import type { Check, CheckInput } from '../check.js';

/** Most ports of servers that are asked. */
const QUESTIONS_MAX = 200;

interface Endpoint extends Question {
  address: string;
}

export const probeAnswers: Check = {
  name: 'probe-answers',
  async run(input, findings) {
    const { host, gateway } = input;
    if (gateway.source === 'nothing') return;
    if (!host.powers.netRaw) {
      findings.unchecked('asking servers takes CAP_NET_RAW');
      return;
    }
    const servers = await reachableServers(host, gateway, QUESTIONS_MAX);
    const endpoints = servers
      .flatMap((one) => endpointsOf(one, input, findings))
      .slice(0, QUESTIONS_MAX);
    if (endpoints.length === 0) return;
    const answered = await answeredHere(endpoints);
    const connections = await Promise.all(
      endpoints.map(({ address, port }) => tryToConnect(address, port)),
    );
    for (const [i, endpoint] of endpoints.entries()) {
      judge(endpoint, connections[i], answered.has(endpoint), host, findings);
    }
    if (findings.isEmpty) {
      findings.ok(
        `${endpoints.length} servers listen and answer through this host (asked in the name of ${clientsText(endpoints)})`,
      );
    }
  },
};

function endpointsOf(
  { server, way, mac }: ReachableServer,
  input: CheckInput,
  findings: Findings,
): Endpoint[] {
  const client = clientFor(server.address, input);
  if (client === null) {
    findings.unchecked(
      `server ${server.address}: the virtual addresses are in its own network, and there is no client to ask in the name of`,
      'uvs doctor --probe --client ADDRESS',
    );
    return [];
  }
  const course = {
    sourceMac: way.link.mac,
    destinationMac: mac,
    source: int32(client),
    destination: int32(server.address),
  };
  const ports = new Set(server.entries.map(({ entry }) => entry.port));
  return [...ports].map((port) => ({
    ifindex: way.link.ifindex,
    course,
    port,
    address: server.address,
  }));
}

/** Whose packets the server would have to answer through its gateway: a client's, or ours from the clients' side. */
function clientFor(server: string, { host, gateway, probeClient }: CheckInput): string | null {
  if (probeClient !== null) return probeClient;
  const networks = host.networksOf(server);
  const isApart = (address: string) =>
    !host.networksOf(address).some((one) => networks.includes(one));
  const clients = gateway.connections?.pairsOf(server).map(({ client }) => client) ?? [];
  return [...clients, ...virtualAddressesOf(gateway)].find(isApart) ?? null;
}

function judge(
  { address, port, course }: Endpoint,
  connection: Connection,
  isAnswered: boolean,
  host: Host,
  findings: Findings,
): void {
  const name = endpointName({ family: 'inet', address, port });
  const client = formatAddress(course.source);
  if (connection === 'refused') {
    findings.error(
      `nothing listens on ${name}: clients that are sent there are refused`,
      `uvs drain ${name}  # until it listens again: ss -lnt 'sport = :${port}' on ${address}`,
    );
  } else if (!isAnswered && connection === 'open') {
    findings.error(
      `server ${name} answers this host, but its answers to client ${client} don't come back here: its default ` +
        'gateway is not this director',
      `ip route replace default via ${host.gatewayFor(address)}  # on ${address}, where ip route get ${client} must name it then`,
    );
  } else if (!isAnswered) {
    findings.error(
      `server ${name} doesn't answer, neither this host nor client ${client}: it hangs, or a firewall there drops SYNs`,
      `uvs drain ${name}  # until it answers again: nft list ruleset on ${address}`,
    );
  }
}

function clientsText(endpoints: readonly Endpoint[]): string {
  return [...new Set(endpoints.map(({ course }) => formatAddress(course.source)))]
    .slice(0, 3)
    .join(', ');
}
