/**
 * Which of the host's interfaces become ports.
 */
import type { Link } from './rtnetlink.js';

/**
 * The named interfaces, in that order; without names all that have IPv4 addresses or routes (`inUse`), in
 * the kernel's order. Throws where a name is wrong or nothing is left.
 */
export function chooseInterfaces(
  links: readonly Link[],
  names: readonly string[],
  inUse: ReadonlySet<number>,
): Link[] {
  if (names.length > 0) return [...new Set(names)].map((name) => findInterface(links, name));
  const chosen = links.filter((link) => isUsable(link) && inUse.has(link.ifindex));
  if (chosen.length === 0) {
    throw new Error(
      'no Ethernet interface has an IPv4 address or route; give one an address with "ip address add", ' +
        `or name interfaces with --interface (there are: ${listNames(links)})`,
    );
  }
  return chosen;
}

function findInterface(links: readonly Link[], name: string): Link {
  const link = links.find((candidate) => candidate.name === name);
  if (link === undefined) {
    throw new Error(`there is no interface "${name}" (there are: ${listNames(links)})`);
  }
  if (!isUsable(link)) {
    throw new Error(`interface "${name}" is not an Ethernet interface, so it can't be balanced on`);
  }
  return link;
}

function isUsable(link: Link): boolean {
  return link.ethernet && !link.loopback && link.mac.length === 6;
}

function listNames(links: readonly Link[]): string {
  return links.map((link) => link.name).join(', ');
}
