/** Names of hosts and services, as whoever runs a command looks them up. */
import type { Protocol } from '../control/api.js';

export interface Names {
  /** First IPv4 address of a host as dotted quad, null where there is none. */
  hostAddress(host: string): Promise<string | null>;
  /** A host's name by its address, IPv4 or IPv6, null where it has none. */
  hostName(address: string): Promise<string | null>;
  /** A port by the name of its service ("http"), null where there is none of that protocol. */
  servicePort(service: string, protocol: Protocol): Promise<number | null>;
  /** The name of a port's service, null where it has none. */
  serviceName(port: number, protocol: Protocol): Promise<string | null>;
}

/** Knows no names: every look-up fails, as on a host without name service. */
export const NO_NAMES: Names = {
  hostAddress: () => Promise.resolve(null),
  hostName: () => Promise.resolve(null),
  servicePort: () => Promise.resolve(null),
  serviceName: () => Promise.resolve(null),
};
