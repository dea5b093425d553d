/** The packets that a gateway needs to pass, the hooks they pass, and what it means where they don't. */
import {
  NF_ARP_IN,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_PRE_ROUTING,
  NF_NETDEV_EGRESS,
  NF_NETDEV_INGRESS,
  NFPROTO_ARP,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_NETDEV,
} from '../../../../dataplane/sys/nftables.js';
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';
import { ACK, SYN } from '../../../../dataplane/wire/tcp.js';
import type { DestinationEntry, ServiceEntry } from '../../../control/api.js';
import { endpointName } from '../../../control/names.js';
import { int32, type Host } from '../host.js';
import { requestFrame } from '../probe/arp.js';
import { PAYLOAD, tcpFrame } from '../probe/packets.js';
import { CT_NEW, type Packet } from './packet.js';
import type { Place } from './walk.js';

/** Somewhere far away, in whose name or to whom packets go. */
const ELSEWHERE = '192.0.2.1';
const HTTPS = 443;
const IP_FAMILIES = [NFPROTO_IPV4, NFPROTO_INET];

export interface Concern {
  places: readonly Place[];
  packet: Packet;
  /** Of a rule that drops it; `note`: it thinks that it does, and doesn't. */
  level: 'note' | 'warning' | 'error';
  /** Completes "RULE drops ..."; a whole clause for a note. */
  what: string;
  /** For nft: what such packets are known by. */
  match: string;
}

/** In the order of their weight: a rule is told of once. */
export function concernsOf(host: Host, service: ServiceEntry): Concern[] {
  const networks = host.networksOf(service.address).map(({ ifindex }) => ifindex);
  const outside = host.ports.filter(({ ifindex }) => networks.includes(ifindex));
  const wayOut = host.wayTo(ELSEWHERE)?.link ?? outside[0];
  return [
    ...outside.flatMap((link) => clientSide(service, link)),
    ...service.destinations.flatMap((server) => {
      const link = host.wayTo(server.address)?.link;
      return link === undefined ? [] : serverSide(service, server, link, wayOut);
    }),
    ...handedBack(host, service),
    ...outside.map((link) => vain(service, link)),
  ];
}

function clientSide(service: ServiceEntry, link: Link): Concern[] {
  const name = endpointName(service);
  const concerns: Concern[] = [
    {
      places: [{ families: [NFPROTO_ARP], hook: NF_ARP_IN }],
      packet: arpRequest(service.address, link),
      level: 'error',
      what: `ARP requests for ${service.address}: clients don't find it`,
      match: `arp daddr ip ${service.address}`,
    },
    {
      places: [egressOf(link)],
      packet: segment(service, { address: ELSEWHERE, port: HTTPS }, ACK, { output: link }),
      level: 'error',
      what: `what uvsd sends to clients of ${name}`,
      match: `ip saddr ${service.address}`,
    },
  ];
  if (link.kind !== 'bridge') return concerns;
  const hooks = [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN];
  const toBridge: Concern = {
    places: hooks.map((hook) => ({ families: [NFPROTO_BRIDGE], hook })),
    packet: segment(null, service, SYN, { input: link }),
    level: 'error',
    what: `clients' packets to ${name} before uvsd sees them`,
    match: `ip daddr ${service.address}`,
  };
  return [...concerns, toBridge];
}

function serverSide(
  service: ServiceEntry,
  server: DestinationEntry,
  link: Link,
  wayOut: Link | undefined,
): Concern[] {
  const request: Concern = {
    places: [egressOf(link)],
    packet: segment(null, server, SYN, { output: link }),
    level: 'error',
    what: `what uvsd sends to server ${endpointName(server)}`,
    match: `ip daddr ${server.address}`,
  };
  if (wayOut === undefined) return [request];
  const away = { address: ELSEWHERE, port: HTTPS };
  const own: Concern = {
    places: placesOfIp(NF_INET_FORWARD),
    packet: {
      ...segment({ address: server.address, port: 0 }, away, SYN, { input: link, output: wayOut }),
      ctState: CT_NEW,
    },
    level: 'warning',
    what:
      `server ${server.address}'s own connections to elsewhere (those of ${endpointName(service)} are balanced and ` +
      "don't pass here)",
    match: `iifname ${link.name}`,
  };
  return [request, own];
}

function handedBack(host: Host, service: ServiceEntry): Concern[] {
  const loopback = host.links.find((link) => link.loopback);
  if (loopback === undefined) return [];
  return [
    {
      places: placesOfIp(NF_INET_LOCAL_IN),
      packet: segment(null, service, ACK, { input: loopback }),
      level: 'warning',
      what: `packets to ${endpointName(service)} that uvsd hands back by lo: those without a connection get no RST`,
      match: 'iifname lo',
    },
  ];
}

/** Whoever wrote such a rule believes that it filters. */
function vain(service: ServiceEntry, link: Link): Concern {
  const ingress = { families: [NFPROTO_NETDEV], hook: NF_NETDEV_INGRESS, device: link.name };
  return {
    places: [ingress, ...placesOfIp(NF_INET_LOCAL_IN)],
    packet: { ...segment(null, service, SYN, { input: link }), ctState: CT_NEW },
    level: 'note',
    what: `clients' packets to ${endpointName(service)}, but balanced packets don't pass it: filter on the servers, or in front of this host`,
    match: '',
  };
}

function egressOf({ name }: Link): Place {
  return { families: [NFPROTO_NETDEV], hook: NF_NETDEV_EGRESS, device: name };
}

/** Where the kernel's own packets pass on their way to `hook`, and there. */
function placesOfIp(hook: number): Place[] {
  return [NF_INET_PRE_ROUTING, hook].map((one) => ({ families: IP_FAMILIES, hook: one }));
}

/** Asked by somebody. */
function arpRequest(address: string, link: Link): Packet {
  const frame = requestFrame({ link, sender: int32(ELSEWHERE), target: int32(address) });
  const sender: [number, number] = [22, 32];
  return { frame, arbitrary: [[0, 12], sender], input: link, output: null, ctState: null };
}

/** Null: from somebody. */
function segment(
  from: { address: string; port: number } | null,
  to: { address: string; port: number },
  flags: number,
  { input = null, output = null }: { input?: Link | null; output?: Link | null },
): Packet {
  const mac = (input ?? output)?.mac ?? new Uint8Array(6);
  const source = int32(from?.address ?? ELSEWHERE);
  const course = { sourceMac: mac, destinationMac: mac, source, destination: int32(to.address) };
  const sourcePort = from?.port ?? 0;
  const frame = tcpFrame(course, { sourcePort, destinationPort: to.port, sequence: 0, flags });
  const isPortKnown = sourcePort !== 0;
  return { frame, arbitrary: isPortKnown ? [] : [SOURCE_PORT], input, output, ctState: null };
}

const SOURCE_PORT: [from: number, to: number] = [PAYLOAD, PAYLOAD + 2];
