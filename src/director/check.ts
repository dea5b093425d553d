/** `uvsd --check`: finds out whether a director could start like this, without changing anything. */
import { DataPlane } from '../worker/data-plane.js';
import { warnUnlessLocal } from './director-control.js';
import type { Log } from './log.js';
import type { Options } from './options.js';
import { loadRules } from './rules.js';

/** Room for any set of rules; the connections aren't needed. */
const MAX_CONNECTIONS = 1;

const ignore = (): void => {};

/** Returns what was found, for people. Rejects as a start would. */
export async function checkOptions(options: Options, log: Log): Promise<string> {
  const dataPlane = new DataPlane({
    interfaces: options.interfaces,
    maxConnections: MAX_CONNECTIONS,
    onEndpointsChanged: ignore,
    onHostChange: ignore,
    onInterfacesChanged: ignore,
  });
  try {
    const { virtualServer, interfaceNames } = dataPlane;
    if (options.rules !== null) await loadRules(options.rules, virtualServer);
    const services = await virtualServer.services();
    warnUnlessLocal(services, (address) => virtualServer.routes.isLocal(address), log);
    const servers = services.reduce((sum, service) => sum + service.destinations.length, 0);
    return `interfaces ${interfaceNames.join(', ')}; ${services.length} services, ${servers} servers`;
  } finally {
    dataPlane.close();
  }
}
