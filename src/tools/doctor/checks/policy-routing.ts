/** Rules of policy routing: the director doesn't follow them. */
import type { Check } from '../check.js';

export const policyRouting: Check = {
  name: 'policy-routing',
  run({ host }, findings) {
    const rules = host.routingRules;
    if (rules.length === 0) {
      findings.ok('there are no rules of policy routing');
      return;
    }
    const priorities = rules.map(({ priority }) => priority);
    findings.warning(
      `there are rules of policy routing (priority ${priorities.join(', ')}): uvsd doesn't follow them, balanced ` +
        'packets go by tables local, main and default alone',
      `ip rule del priority ${priorities[0]}  # if balanced packets don't need it (ip rule show); otherwise put its routes into table main`,
    );
  },
};
