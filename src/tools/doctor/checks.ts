/** All checks, in the order of their report: the director, the host, the way to servers and back, what is in the way. */
import type { Check } from './check.js';
import { capabilities } from './checks/capabilities.js';
import { conntrack } from './checks/conntrack.js';
import { director } from './checks/director.js';
import { firewall } from './checks/firewall.js';
import { forwarding } from './checks/forwarding.js';
import { kernel } from './checks/kernel.js';
import { kernelIpvs } from './checks/kernel-ipvs.js';
import { leftovers } from './checks/leftovers.js';
import { legacyIptables } from './checks/legacy-iptables.js';
import { listeners } from './checks/listeners.js';
import { mtu } from './checks/mtu.js';
import { nearbyClients } from './checks/nearby-clients.js';
import { policyRouting } from './checks/policy-routing.js';
import { probeAnswers } from './checks/probe-answers.js';
import { probeMtu } from './checks/probe-mtu.js';
import { redirects } from './checks/redirects.js';
import { returnPath } from './checks/return-path.js';
import { reversePath } from './checks/reverse-path.js';
import { rings } from './checks/rings.js';
import { servers } from './checks/servers.js';
import { services } from './checks/services.js';
import { tables } from './checks/tables.js';
import { virtualAddresses } from './checks/virtual-addresses.js';

export const CHECKS: readonly Check[] = [
  director,
  capabilities,
  kernel,
  leftovers,
  forwarding,
  reversePath,
  redirects,
  policyRouting,
  services,
  virtualAddresses,
  servers,
  returnPath,
  nearbyClients,
  mtu,
  listeners,
  firewall,
  legacyIptables,
  kernelIpvs,
  conntrack,
  rings,
  tables,
];

/** What `--probe` adds. */
export const PROBES: readonly Check[] = [probeAnswers, probeMtu];
