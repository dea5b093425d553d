/** What engine and tables count, in the form the control interface gives it out. */
import { DROP_NAMES } from '../../dataplane/drops.js';
import type { Engine } from '../../dataplane/engine.js';
import { DEFENCES, IN_EFFECT } from '../../dataplane/settings.js';
import type { State } from '../../dataplane/state.js';
import type { FastPath } from '../../dataplane/lifecycle/fast-path.js';
import type { Counters, FastPathCounters } from '../control/api.js';

/** The first of DROP_NAMES is no reason. */
const FIRST_REASON = 1;

export function countersOf(state: State, engine: Engine): Counters {
  const { capacity, connections, services, settings, drops } = state;
  const { reassembly } = engine;
  const reasons = DROP_NAMES.map((name, reason) => [name, drops.counts[reason]] as const);
  return {
    drops: Object.fromEntries(reasons.slice(FIRST_REASON)),
    connections: {
      used: connections.count,
      capacity: capacity.connections,
      halfOpen: engine.lifecycle.halfOpen,
    },
    services: { used: services.count, capacity: capacity.services },
    destinations: { used: serversIn(state), capacity: capacity.destinations },
    parkedFrames: { used: 0, capacity: 0 },
    fragmentedPackets: { used: reassembly.pending, capacity: reassembly.capacity },
    fastPath: fastPathOf(engine.lifecycle.fastPath),
    defences: DEFENCES.filter((name) => settings.get(name) >= IN_EFFECT),
    interfaces: [],
  };
}

function fastPathOf(fastPath: FastPath | null): FastPathCounters | null {
  if (fastPath === null) return null;
  const { connections: used, capacity, packets, bytes, crowded, opened } = fastPath;
  return { used, capacity, packets, bytes, crowded, opened };
}

/** Without deleted ones that still have connections. */
function serversIn({ destinations }: State): number {
  let count = 0;
  for (let d = 1; d <= destinations.highWater; d++) {
    if (destinations.isLive(d) && destinations.isAvailable(d)) count++;
  }
  return count;
}
