/** Plain forwarding by the kernel: the servers' own way out, and frames that are handed back. */
import { sysctlProblem } from '../../../../dataplane/sys/sysctl.js';
import { listed } from '../findings.js';
import type { Check } from '../check.js';

export const forwarding: Check = {
  name: 'ip-forward',
  run({ host, gateway }, findings) {
    const wanted = [
      'net.ipv4.ip_forward',
      ...['lo', ...host.ports.map(({ name }) => name.replaceAll('.', '/'))].map(
        (name) => `net.ipv4.conf.${name}.forwarding`,
      ),
    ];
    const off = wanted.filter((name) => host.setting(name) === 0);
    // Switching off ip_forward switches all of them off.
    const named = off[0] === wanted[0] ? off.slice(0, 1) : off;
    if (off.length === 0) {
      findings.ok('the kernel forwards what is not balanced');
    } else if (gateway.directorPid !== null || gateway.dataPlane !== null) {
      findings.warning(
        `${listed(named)} is 0, and uvsd had set it: balanced connections go on, but the servers' own way out, and ` +
          'whatever else this host forwards, does not work',
        `sysctl -w ${named.map((name) => `${name}=1`).join(' ')}`,
      );
    } else {
      const problem = sysctlProblem(wanted[0], '1');
      if (problem === null) findings.ok('ip_forward is 0; uvsd switches it on');
      else
        findings.error(
          `ip_forward is 0, and uvsd could not switch it on: ${problem}`,
          `sysctl -w ${wanted[0]}=1`,
        );
    }
  },
};
