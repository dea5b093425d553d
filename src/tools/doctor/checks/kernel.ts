/** What a director needs of the kernel: packet sockets with virtio-net headers, nf_tables with netdev chains. */
import { rehearseInterception } from '../../../../dataplane/sys/interception.js';
import { close } from '../../../../dataplane/sys/libc.js';
import { openPacketSocket } from '../../../../dataplane/sys/packet-socket.js';
import { TABLE_NAME } from '../../../director/hiding.js';
import type { Check } from '../check.js';

export const kernel: Check = {
  name: 'kernel',
  run({ host }, findings) {
    const { netAdmin, netRaw } = host.powers;
    const release = host.read('/proc/sys/kernel/osrelease').trim();
    const problems = [
      netRaw ? problemOf(() => close(openPacketSocket())) : null,
      // Nothing is changed by it.
      netAdmin ? problemOf(() => rehearseInterception(TABLE_NAME, namesOf(host.ports))) : null,
    ].filter((problem) => problem !== null);
    for (const problem of problems) {
      findings.error(
        `kernel ${release} lacks what uvs needs: ${problem}`,
        'modprobe -a af_packet nf_tables nft_compat  # or a kernel with CONFIG_PACKET, CONFIG_NF_TABLES_NETDEV, CONFIG_NF_TABLES_IPV4',
      );
    }
    if (problems.length > 0) return;
    if (netAdmin && netRaw) findings.ok(`kernel ${release} has packet sockets and nf_tables`);
    else findings.unchecked(`kernel ${release}: trying its features takes more capabilities`);
  },
};

function namesOf(links: readonly { name: string }[]): string[] {
  return links.map(({ name }) => name);
}

function problemOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
