/** `uvsd --check`: finds out whether a director could start like this, without changing anything. */
import { HostNetwork } from '../../dataplane/sys/host.js';
import { hostClock } from '../worker/data-plane.js';
import { VirtualServer } from '../virtual-server/virtual-server.js';
import { warnUnlessLocal } from './vip-watch.js';
import type { Log } from './log.js';
import type { Options } from './options.js';
import { loadRules } from './rules.js';

/** Room for any set of rules; the connections aren't needed. */
const MAX_CONNECTIONS = 1;

/** Returns what was found, for people. Rejects as a start would. */
export async function checkOptions(options: Options, log: Log): Promise<string> {
  const virtualServer = new VirtualServer({
    hashKey: [0, 0],
    clock: hostClock,
    capacity: { connections: MAX_CONNECTIONS },
  });
  const { routes } = virtualServer;
  const host = HostNetwork.open({ interfaces: options.interfaces, routes });
  try {
    if (options.rules !== null) await loadRules(options.rules, virtualServer);
    const services = await virtualServer.services();
    await warnUnlessLocal(services, async (address) => routes.isLocal(address), log);
    const servers = services.reduce((sum, service) => sum + service.destinations.length, 0);
    const interfaces = host.ports.map(({ name }) => name).join(', ');
    return `interfaces ${interfaces}; ${services.length} services, ${servers} servers`;
  } finally {
    host.close();
  }
}
