/** Largest packets: the same towards clients and servers, or each connection depends on ICMP to find out. */
import { listed } from '../findings.js';
import { serversOf, virtualAddressesOf } from '../gateway.js';
import type { Check } from '../check.js';

export const mtu: Check = {
  name: 'mtu',
  run({ host, gateway }, findings) {
    const ways = serversOf(gateway).map(({ address }) => ({ address, way: host.wayTo(address) }));
    const outside = new Set(
      virtualAddressesOf(gateway).flatMap((address) =>
        host.networksOf(address).map(({ ifindex }) => ifindex),
      ),
    );
    const inside = new Set(ways.map(({ way }) => way?.link.ifindex));
    const clientLinks = host.ports.filter(
      ({ ifindex }) => outside.has(ifindex) && !inside.has(ifindex),
    );
    const serverLinks = host.ports.filter(({ ifindex }) => inside.has(ifindex));
    for (const link of serverLinks) {
      const other = clientLinks.find((one) => one.mtu !== link.mtu);
      if (other === undefined) continue;
      const [smaller, larger] = other.mtu < link.mtu ? [other, link] : [link, other];
      findings.warning(
        `the servers' interface ${link.name} has MTU ${link.mtu}, the clients' ${other.name} has ${other.mtu}: large ` +
          'packets depend on ICMP errors (fragmentation needed) that any firewall on the way may drop',
        `ip link set ${larger.name} mtu ${smaller.mtu}  # and the same on that network's hosts`,
      );
    }
    const narrow = ways.filter(({ way }) => way !== null && way.mtu < way.link.mtu);
    if (narrow.length > 0) {
      const { address, way } = narrow[0];
      findings.warning(
        `the route to ${listed(narrow.map((one) => one.address))} has MTU ${way?.mtu}, its interface ${way?.link.name} ` +
          `${way?.link.mtu}: large packets to it are refused with ICMP errors`,
        `ip route get ${address}  # then ip route change ROUTE without mtu, if the way is as wide as the interface`,
      );
    }
    if (findings.isEmpty && ways.length > 0)
      findings.ok('the same on the ways to clients and servers');
  },
};
