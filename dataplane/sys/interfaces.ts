/**
 * Which of the host's interfaces become ports, and what has become of them later.
 */
import type { Link } from './rtnetlink.js';

/** An interface as it was known at some time: it may be gone or have another name by now. */
export interface KnownPort {
  name: string;
  /** 0 where there was none of that name. */
  ifindex: number;
}

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

/**
 * What each of the known interfaces is now: the same device, whatever its name is, or one that has taken the name
 * of a device that is gone. Undefined where there is none.
 */
export function followInterfaces(
  known: readonly KnownPort[],
  links: readonly Link[],
): (Link | undefined)[] {
  const same = known.map(({ ifindex }) => links.find((link) => link.ifindex === ifindex));
  const taken = new Set(same.map((link) => link?.ifindex));
  return known.map(
    ({ name }, i) =>
      same[i] ??
      links.find((link) => link.name === name && isUsable(link) && !taken.has(link.ifindex)),
  );
}

/** True for an interface whose packets can be balanced. */
export function isUsable(link: Link): boolean {
  return link.ethernet && !link.loopback && link.mac.length === 6;
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

function listNames(links: readonly Link[]): string {
  return links.map((link) => link.name).join(', ');
}
