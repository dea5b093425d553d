/** What is balanced in every measurement, by whatever stands in the middle. */
import { serverAddress } from '../../lab/plan.js';

export interface Service {
  /** The same on the virtual address and on the servers. */
  readonly port: number;
  /** Addresses of the servers, in turn. */
  readonly servers: readonly string[];
}

/** Small answers of nginx. */
export const WEB: Service = { port: 80, servers: [serverAddress(1), serverAddress(2)] };
/** iperf3, whose control and data connections must reach the same server. */
export const BULK: Service = { port: 5201, servers: [serverAddress(1)] };
/** Where the small packets go. */
export const PACKETS: Service = { port: 9000, servers: [serverAddress(1)] };

export const SERVICES: readonly Service[] = [WEB, BULK, PACKETS];
