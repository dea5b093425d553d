/** Services that have no server to offer. */
import { endpointName } from '../../../control/names.js';
import type { Check } from '../check.js';

export const services: Check = {
  name: 'services',
  run({ gateway }, findings) {
    const { services, source } = gateway;
    if (source === 'nothing') return;
    for (const service of services) {
      const name = endpointName(service);
      if (service.destinations.length === 0) {
        findings.error(
          `service ${name} has no servers: clients are refused`,
          `uvsadm -a -t ${name} -r SERVER:PORT -m`,
        );
      } else if (service.destinations.every(({ weight }) => weight === 0)) {
        findings.error(
          `all servers of service ${name} have weight 0: new clients are refused`,
          `uvsadm -e -t ${name} -r ${endpointName(service.destinations[0])} -m -w 1`,
        );
      }
    }
    if (services.length === 0) {
      findings.note('there are no services', 'uvsadm -A -t VIP:PORT -s rr  # or uvs apply RULES');
    }
    if (findings.isEmpty) findings.ok(`${services.length} services, each with servers to offer`);
  },
};
