/** The kernel's connection tracking: balanced packets don't pass it, the servers' own traffic does. */
import type { Check } from '../check.js';

const FULL = 0.9;

export const conntrack: Check = {
  name: 'conntrack',
  run({ host }, findings) {
    const max = host.setting('net.netfilter.nf_conntrack_max') ?? 0;
    const count = host.setting('net.netfilter.nf_conntrack_count') ?? 0;
    const dropped = columnOf(host.read('/proc/net/stat/nf_conntrack'), 'drop');
    if (max > 0 && count >= max * FULL) {
      findings.warning(
        `connection tracking is nearly full (${count} of ${max}): balanced connections don't pass it, the servers' ` +
          'own traffic and everything else that is forwarded does',
        `sysctl -w net.netfilter.nf_conntrack_max=${4 * max}`,
      );
    } else if (dropped > 0) {
      findings.warning(
        `connection tracking has dropped ${dropped} packets for want of room since the host was started: the servers' ` +
          "own traffic, not balanced packets, which don't pass it",
        `sysctl -w net.netfilter.nf_conntrack_max=${4 * max}`,
      );
    } else {
      findings.ok("has room, and doesn't concern balanced packets");
    }
  },
};

/** The sum over all processors of a column of /proc/net/stat: a line of names, then hexadecimal numbers. */
function columnOf(table: string, name: string): number {
  const [names, ...rows] = table
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/));
  const column = names.indexOf(name);
  if (column < 0) return 0;
  return rows.reduce((sum, row) => sum + (Number.parseInt(row[column], 16) || 0), 0);
}
