/** Keys as text, for maps and comparisons: the same for the same service or real server, whatever else is known of it. */
import type { DestinationKey, ServiceKey } from './api.js';

export function serviceIdentity({ family, protocol, address, port, fwmark }: ServiceKey): string {
  return `${family} ${protocol} ${address} ${port} ${fwmark}`;
}

/** Within one service. */
export function destinationIdentity({ family, address, port }: DestinationKey): string {
  return `${family} ${address} ${port}`;
}
