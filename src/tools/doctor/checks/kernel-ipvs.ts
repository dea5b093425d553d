/** The kernel's own ip_vs with the same services. */
import { ipv4ToText } from '../../../control/ipv4.js';
import { endpointName } from '../../../control/names.js';
import type { Check } from '../check.js';

export const kernelIpvs: Check = {
  name: 'kernel-ipvs',
  run({ host, gateway }, findings) {
    const table = host.read('/proc/net/ip_vs');
    const theirs = new Set(
      [...table.matchAll(/^TCP\s+([0-9A-F]{8}):([0-9A-F]{4})\s/gm)].map(endpointOf),
    );
    const doubled = gateway.services.map(endpointName).filter((name) => theirs.has(name));
    for (const name of doubled) {
      findings.error(
        `the kernel's ip_vs has ${name} as well: it balances what uvsd hands back to the kernel, and everything when ` +
          'uvsd is stopped, to servers of its own',
        `ipvsadm -D -t ${name}  # the kernel's ipvsadm, not uvsadm under that name`,
      );
    }
    if (doubled.length > 0) return;
    findings.ok(
      table === ''
        ? "the kernel's ip_vs is not in use"
        : `the kernel's ip_vs has ${theirs.size} services, none of ours`,
    );
  },
};

function endpointOf([, address, port]: RegExpMatchArray): string {
  return `${ipv4ToText(Number.parseInt(address, 16) | 0)}:${Number.parseInt(port, 16)}`;
}
