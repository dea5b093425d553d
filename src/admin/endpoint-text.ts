/** Addresses and ports in listings: "10.1.0.100:80", "[2001:db8::1]:80", "web.example.org:http". */
import type { Family, Protocol } from '../control/api.js';
import type { Names } from './names.js';

/** Longer ones are cut, names that is: no numbers are that long. */
const TEXT_MAX = 59;

export interface AddressAndPort {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

/**
 * Makes the text of an address and port.
 *
 * @param protocol whose service names the port may have; null: it stays a number
 */
export type EndpointText = (
  endpoint: AddressAndPort,
  protocol: Protocol | null,
) => string | Promise<string>;

export const numericText = ({ family, address, port }: AddressAndPort): string =>
  join(family, address, port);

/** With what names there are. */
export function namedText(names: Names): EndpointText {
  return async ({ family, address, port }, protocol) => {
    const host = await names.hostName(address);
    const service = protocol === null ? null : await names.serviceName(port, protocol);
    return join(family, host ?? address, service ?? port).slice(0, TEXT_MAX);
  };
}

function join(family: Family, host: string, port: string | number): string {
  return family === 'inet6' ? `[${host}]:${port}` : `${host}:${port}`;
}
