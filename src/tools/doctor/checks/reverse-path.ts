/** Reverse path filtering: strict on `lo`, it drops the frames that are handed back to the kernel. */
import type { Check } from '../check.js';

const STRICT = 1;
const OWN = 'net.ipv4.conf.lo.rp_filter';

export const reversePath: Check = {
  name: 'rp-filter',
  run({ host, gateway }, findings) {
    // Of the two settings the greater one counts.
    const value = Math.max(
      host.setting('net.ipv4.conf.all.rp_filter') ?? 0,
      host.setting(OWN) ?? 0,
    );
    if (value !== STRICT) {
      findings.ok('reverse path filtering is not strict on lo');
    } else if (gateway.directorPid === null && gateway.dataPlane === null) {
      findings.ok('reverse path filtering is strict on lo; uvsd makes it loose');
    } else {
      findings.warning(
        'reverse path filtering is strict on lo: balanced connections go on, but what uvsd hands back to the kernel, ' +
          'such as packets without a connection that a RST should answer, is dropped',
        `sysctl -w ${OWN}=2`,
      );
    }
  },
};
