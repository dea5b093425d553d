/** The kernel's own NAT with connection tracking: what one gets on any Linux without ip_vs. */
import { release } from 'node:os';
import { VIP } from '../../../lab/plan.js';
import { SERVICES } from '../services.js';
import type { Peer } from './peer.js';
import { versionOf } from './version.js';

/**
 * Connections that were closed stay for two minutes by default. At ten thousand new ones a second the table,
 * which all namespaces share, would run full and drop packets.
 */
const TIME_WAIT_S = 5;

export const nftables: Peer = {
  id: 'nftables',
  title: 'nftables DNAT',
  kind: 'packets',
  balances: true,
  quick: true,
  commands: ['nft'],
  settings: `dnat to numgen inc mod N map; nf_conntrack_tcp_timeout_time_wait=${TIME_WAIT_S}`,
  version: () => `${versionOf('nft', '--version')}, Linux ${release()}`,
  start: async (host) => {
    await host.output('nft', ['-f', '-'], { input: ruleset() });
    const setting = '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait';
    await host.output('sh', ['-c', `echo ${TIME_WAIT_S} > ${setting}`]);
    return { pids: [] };
  },
};

function ruleset(): string {
  const rules = SERVICES.map(({ port, servers }) => {
    const map = servers.map((server, index) => `${index} : ${server}`).join(', ');
    const target = `numgen inc mod ${servers.length} map { ${map} }`;
    return `    ip daddr ${VIP} tcp dport ${port} dnat to ${target}`;
  });
  return `table ip balance {
  chain prerouting {
    type nat hook prerouting priority dstnat;
${rules.join('\n')}
  }
}
`;
}
