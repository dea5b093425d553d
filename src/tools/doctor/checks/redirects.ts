/** ICMP redirects: with clients and servers behind one interface they tell servers of a way past the director. */
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';
import { listed } from '../findings.js';
import { serversOf, virtualAddressesOf, type Gateway } from '../gateway.js';
import type { Host } from '../host.js';
import { nearbyPairs } from './nearby-clients.js';
import type { Check } from '../check.js';

/** Somewhere far away: its way is the default route's. */
const ELSEWHERE = '192.0.2.1';

export const redirects: Check = {
  name: 'send-redirects',
  run({ host, gateway }, findings) {
    const toServers = linksTo(
      host,
      serversOf(gateway).map(({ address }) => address),
    );
    const toClients = new Set([
      ...linksTo(host, clientSide(host, gateway)),
      ...linksOf(host, gateway),
    ]);
    const shared = [...toServers].filter((link) => toClients.has(link));
    const sending = shared.filter(({ name }) => doesSend(host, name));
    if (sending.length === 0) {
      findings.ok(
        shared.length === 0
          ? 'clients and servers are behind different interfaces'
          : `${namesOf(shared)} leads to clients and servers, and no redirects are sent there`,
      );
      return;
    }
    const settings = ['all', ...sending.map(({ name }) => name.replaceAll('.', '/'))];
    findings.warning(
      `${namesOf(sending)} leads to clients and to servers, and the kernel sends ICMP redirects there: servers ` +
        'learn a way past this director from them, and their answers then miss it',
      `sysctl -w ${settings.map((name) => `net.ipv4.conf.${name}.send_redirects=0`).join(' ')}`,
    );
  },
};

/** Addresses on the clients' side: those of clients that were seen, but for servers' neighbours, and the default route's. */
function clientSide(host: Host, { connections }: Gateway): string[] {
  const pairs = connections?.pairs ?? [];
  const nearby = new Set(nearbyPairs(pairs, host).map(({ client }) => client));
  const clients = new Set(pairs.map(({ client }) => client));
  return [ELSEWHERE, ...[...clients].filter((client) => !nearby.has(client))];
}

function linksTo(host: Host, addresses: readonly string[]): Set<Link> {
  const links = addresses.map((address) => host.wayTo(address)?.link);
  return new Set(links.filter((link) => link !== undefined));
}

/** The interfaces that have virtual addresses within a network of other hosts. */
function linksOf(host: Host, gateway: Gateway): Set<Link> {
  const ifindexes = virtualAddressesOf(gateway).flatMap((address) =>
    host.networksOf(address).map(({ ifindex }) => ifindex),
  );
  return new Set(host.links.filter((link) => !link.loopback && ifindexes.includes(link.ifindex)));
}

function doesSend(host: Host, name: string): boolean {
  return ['all', name.replaceAll('.', '/')].some(
    (one) => host.setting(`net.ipv4.conf.${one}.send_redirects`) === 1,
  );
}

function namesOf(links: readonly Link[]): string {
  return listed(links.map(({ name }) => name));
}
