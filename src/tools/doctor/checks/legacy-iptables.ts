/** Rules of iptables' older kind (iptables-legacy), which nf_tables doesn't show. */
import { execFileSync } from 'node:child_process';
import type { Check } from '../check.js';

const COMMAND = 'iptables-legacy';
const PATIENCE_MS = 5000;

export const legacyIptables: Check = {
  name: 'legacy-iptables',
  run({ host }, findings) {
    // Asking for a table that isn't in use would make it.
    const tables = host.read('/proc/net/ip_tables_names').split('\n').filter(Boolean);
    if (!tables.includes('filter')) {
      findings.ok('iptables-legacy filters nothing');
      return;
    }
    const rules = listRules();
    if (rules === null) {
      findings.unchecked(
        `iptables-legacy has rules in ${tables.join(', ')}, but the command to list them isn't here, or not allowed`,
        'apt-get install iptables',
      );
      return;
    }
    if (rules.includes('-P FORWARD DROP')) {
      const others = rules.filter((rule) => rule.startsWith('-A FORWARD')).length;
      findings.warning(
        `iptables-legacy drops what the kernel forwards, but for ${others} rules: the servers' own way out may not work ` +
          "(balanced packets don't pass it)",
        `${COMMAND} -P FORWARD ACCEPT  # or ${COMMAND} -A FORWARD -s SERVERS -j ACCEPT`,
      );
    }
    if (
      rules.includes('-P INPUT DROP') &&
      !rules.some((rule) => /^-A INPUT -i lo .*ACCEPT/.test(rule))
    ) {
      findings.warning(
        'iptables-legacy drops what comes in, by lo as well: packets that uvsd hands back, such as those without a ' +
          'connection, get no RST',
        `${COMMAND} -I INPUT -i lo -j ACCEPT`,
      );
    }
    if (findings.isEmpty) findings.ok('iptables-legacy is not in the way');
  },
};

function listRules(): string[] | null {
  try {
    const options = { encoding: 'utf8', timeout: PATIENCE_MS, stdio: 'pipe' } as const;
    return execFileSync(COMMAND, ['-S'], options).split('\n');
  } catch {
    return null;
  }
}
