/** Which packets are a virtual server's: the endpoints that follow from services and real servers. */
import type { Endpoint } from '../../dataplane/service/endpoints.js';

/** IPv4 addresses as int32 in host order; port 0 is every port. */
export interface Endpoints {
  /** Destinations of the clients' packets. */
  virtual: Endpoint[];
  /** Sources of the servers' packets. */
  real: Endpoint[];
}

export type Side = keyof Endpoints;

/** All that a director needs hidden: as a whole, or one by one. */
export interface WantedEndpoints {
  readonly all: Endpoints;
  has(side: Side, endpoint: Endpoint): boolean;
}

const FTP_PORT = 21;

export function virtualEndpoint(address: number, port: number, persistent: boolean): Endpoint {
  // A persistent FTP service takes its data connections, too, on whatever port.
  return { address, port: port === FTP_PORT && persistent ? 0 : port };
}

/** `port` is the server's own, 0 for the service's. */
export function realEndpoint(address: number, port: number, virtualPort: number): Endpoint {
  // Port-0 and FTP services have connections on whatever port.
  if (virtualPort === 0 || virtualPort === FTP_PORT) return { address, port: 0 };
  return { address, port: port === 0 ? virtualPort : port };
}
