/** The powers that a director needs, and the doctor with it. */
import type { Check } from '../check.js';

const GIVE =
  'sudo uvs doctor  # Docker: --cap-add NET_ADMIN --cap-add NET_RAW; systemd: AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW';

export const capabilities: Check = {
  name: 'capabilities',
  run({ host, gateway }, findings) {
    const { netAdmin, netRaw } = host.powers;
    const missing = [netAdmin ? '' : 'CAP_NET_ADMIN', netRaw ? '' : 'CAP_NET_RAW'].filter(Boolean);
    if (missing.length === 0) {
      findings.ok('CAP_NET_ADMIN and CAP_NET_RAW are there');
    } else if (gateway.directorPid === null) {
      findings.error(`a director started from here would lack ${missing.join(' and ')}`, GIVE);
    } else {
      findings.unchecked(
        `this command lacks ${missing.join(' and ')}: some checks can't be made`,
        GIVE,
      );
    }
  },
};
