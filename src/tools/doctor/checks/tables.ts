/** How full the director's tables are, and what keeps them from filling up. */
import type { Check } from '../check.js';

const FULL = 0.9;

export const tables: Check = {
  name: 'tables',
  run({ gateway }, findings) {
    const counters = gateway.snapshot?.counters;
    if (counters === undefined || counters === null) return;
    const { connections, services, destinations, defences } = counters;
    for (const [what, { used, capacity }] of Object.entries({
      connections,
      services,
      destinations,
    })) {
      if (used < capacity * FULL) continue;
      const isConnections = what === 'connections';
      findings.warning(
        `the table of ${what} is nearly full: ${used} of ${capacity}`,
        isConnections
          ? `uvs set drop_entry=1  # against a flood; otherwise start uvsd with a larger --max-connections`
          : 'uvsadm -Ln  # which of them are still needed?',
      );
    }
    if (defences.length > 0) {
      findings.note(
        `defences against overload are in effect: ${defences.join(', ')}`,
        'uvs status',
      );
    }
    if (findings.isEmpty)
      findings.ok(`${connections.used} of ${connections.capacity} connections in use`);
  },
};
