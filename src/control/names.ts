/** Names of services and servers in the log, in metrics and in messages. */
import type { DestinationKey, ServiceKey } from './api.js';

/** "tcp:10.1.0.100:80" */
export function serviceName(key: ServiceKey): string {
  return key.fwmark === 0 ? `${key.protocol}:${endpointName(key)}` : `fwmark:${key.fwmark}`;
}

/** "10.2.0.11:80" */
export function endpointName({ family, address, port }: DestinationKey): string {
  return family === 'inet' ? `${address}:${port}` : `[${address}]:${port}`;
}
