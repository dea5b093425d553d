/**
 * Firewall rules of others, in nf_tables. Balanced packets pass few of them: the ARP for their addresses, the hooks of
 * a bridge, and the egress hook of an interface. What the kernel forwards and what is handed back to it pass the rest.
 */
import { readRuleset, type RulesetChain } from '../../../../dataplane/sys/nft-ruleset.js';
import {
  NFPROTO_ARP,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_NETDEV,
} from '../../../../dataplane/sys/nftables.js';
import { TABLE_NAME } from '../../../director/hiding.js';
import { concernsOf, type Concern } from '../firewall/concerns.js';
import { dropperAt, type Dropper } from '../firewall/walk.js';
import { listed, type Findings } from '../findings.js';
import type { Check } from '../check.js';

const FAMILY_NAMES = new Map([
  [NFPROTO_INET, 'inet'],
  [NFPROTO_IPV4, 'ip'],
  [NFPROTO_ARP, 'arp'],
  [NFPROTO_NETDEV, 'netdev'],
  [NFPROTO_BRIDGE, 'bridge'],
]);

/** Most packets that are led through the rules. */
const CONCERNS_MAX = 1000;

export const firewall: Check = {
  name: 'firewall',
  run({ host, gateway }, findings) {
    if (!host.powers.netAdmin) {
      findings.unchecked('reading firewall rules takes CAP_NET_ADMIN');
      return;
    }
    const ruleset = readRuleset((table) => !table.startsWith(TABLE_NAME));
    const told = new Set<string>();
    const concerns = gateway.services.flatMap((service) => concernsOf(host, service));
    for (const concern of concerns.slice(0, CONCERNS_MAX)) {
      for (const place of concern.places) {
        const dropper = dropperAt(ruleset, place, concern.packet);
        if (dropper === null || told.has(ruleName(dropper))) continue;
        told.add(ruleName(dropper));
        tell(dropper, concern, findings);
      }
    }
    if (!findings.isEmpty) return;
    const tables = new Set(ruleset.map(tableName));
    findings.ok(
      tables.size === 0
        ? 'there are no rules of others'
        : `no rule is in the way in ${listed([...tables])}`,
    );
  },
};

function tell(dropper: Dropper, { level, what, match }: Concern, findings: Findings): void {
  const rule = ruleName(dropper);
  if (level === 'note') {
    findings.note(`${rule} would drop ${what}`);
    return;
  }
  const chain = chainName(dropper.chain);
  findings[level](
    `${rule} drops ${what}`,
    `nft insert rule ${chain} ${match} accept  # nft -a list chain ${chain} shows what drops them`,
  );
}

function ruleName({ chain, handle }: Dropper): string {
  const where = `chain ${chainName(chain)}`;
  return handle === null ? `the policy of ${where}` : `rule ${handle} of ${where}`;
}

function chainName(chain: RulesetChain): string {
  return `${tableName(chain)} ${chain.name}`;
}

function tableName({ family, table }: RulesetChain): string {
  return `${FAMILY_NAMES.get(family) ?? family} ${table}`;
}
