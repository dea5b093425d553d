/** Virtual addresses: this host's, on an interface that is up, answered for by ARP, and nobody else's. */
import { formatMac } from '../../../../dataplane/sys/host-changes.js';
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';
import { askByArp, BRIEF, type ArpQuestion } from '../probe/arp.js';
import type { Findings } from '../findings.js';
import { listed } from '../findings.js';
import { servicesAt, virtualAddressesOf, type Gateway } from '../gateway.js';
import { int32, type Host } from '../host.js';
import type { Check } from '../check.js';

/** Most addresses asked for by ARP. */
const QUESTIONS_MAX = 200;

export const virtualAddresses: Check = {
  name: 'virtual-addresses',
  async run({ host, gateway }, findings) {
    const addresses = virtualAddressesOf(gateway);
    if (addresses.length === 0) return;
    const owned = addresses.filter((address) => isOwned(address, host, gateway, findings));
    const links = owned.map((address) => host.linkWith(address));
    for (const [i, address] of owned.entries()) checkLink(address, links[i], host, findings);
    if (host.powers.netRaw) await findRivals(owned, host, findings);
    if (findings.isEmpty)
      findings.ok(`${listed(addresses)}: of this host, on interfaces that are up`);
  },
};

function isOwned(address: string, host: Host, gateway: Gateway, findings: Findings): boolean {
  if (host.isLocal(address)) return true;
  findings.error(
    `${address} (${listed(servicesAt(gateway, address))}) is not an address of this host: nobody answers ARP for ` +
      'it, and clients do not reach it',
    `ip address add ${address}/32 dev ${linkTowards(address, host)}`,
  );
  return false;
}

/** The interface where others expect it. */
function linkTowards(address: string, host: Host): string {
  const [network] = host.networksOf(address);
  const link = host.links.find(({ ifindex }) => ifindex === network?.ifindex);
  return (link ?? host.wayTo(address)?.link)?.name ?? 'INTERFACE';
}

function checkLink(address: string, link: Link | undefined, host: Host, findings: Findings): void {
  // Local by a route of its own, which an interface isn't needed for.
  if (link === undefined) return;
  if (!link.up) {
    findings.error(`${address} is on ${link.name}, which is down`, `ip link set ${link.name} up`);
  } else if (!link.running && !link.loopback) {
    findings.error(
      `${address} is on ${link.name}, which has no carrier: its cable, or the other end, is off`,
      `ip link show ${link.name}`,
    );
  } else {
    checkAnswering(address, link, host, findings);
  }
}

/** Of the two settings the greater one counts: 1 answers on an address' own interface only, 8 never. */
function checkAnswering(address: string, link: Link, host: Host, findings: Findings): void {
  const outside = host.networksOf(address).map(({ ifindex }) => ifindex);
  for (const port of host.ports) {
    const names = ['all', port.name.replaceAll('.', '/')];
    const settings = names.map((name) => `net.ipv4.conf.${name}.arp_ignore`);
    const value = Math.max(...settings.map((name) => host.setting(name) ?? 0));
    const isElsewhere = port.ifindex !== link.ifindex;
    const isAsked = isElsewhere
      ? link.loopback && (outside.length === 0 || outside.includes(port.ifindex))
      : true;
    if (!isAsked || value === 0 || (value < 8 && !isElsewhere)) continue;
    findings.error(
      `arp_ignore=${value} keeps ${port.name} from answering ARP for ${address}, which is on ${link.name}: ` +
        'clients do not reach it',
      `sysctl -w ${settings.map((name) => `${name}=0`).join(' ')}`,
    );
  }
}

/** Whether another host answers ARP for the address as well. */
async function findRivals(
  addresses: readonly string[],
  host: Host,
  findings: Findings,
): Promise<void> {
  const questions = addresses.slice(0, QUESTIONS_MAX).flatMap((address) => {
    const [network] = host.networksOf(address);
    const link = host.ports.find(({ ifindex }) => ifindex === network?.ifindex);
    const isReady = link !== undefined && link.up && link.running;
    return isReady ? [{ link, sender: 0, target: int32(address), address }] : [];
  }) satisfies (ArpQuestion & { address: string })[];
  const answers = await askByArp(questions, BRIEF);
  for (const { link, target, address } of questions) {
    const mac = answers.get(target);
    if (mac === undefined) continue;
    findings.error(
      `another host on ${link.name} (MAC ${formatMac(mac)}) has ${address} as well: some clients reach that one`,
      `ip neigh show nud all | grep -i ${formatMac(mac)}  # says which one; ip address del ${address} there`,
    );
  }
}
