/** "host[:port]": what `-t`, `-u`, `--sctp-service` and `-r` take. */
import type { Family, Protocol } from '../control/api.js';
import { parseIPv4, parseIPv6 } from './addresses.js';
import type { Names } from './names.js';
import { parseInteger, PORT_MAX } from './values.js';

export interface Endpoint {
  family: Family;
  address: string;
  /** null where none was written. */
  port: number | null;
}

/**
 * Reads an address or host name with or without a port, null where it is neither:
 *
 *     10.1.0.100:80  10.1:http  web.example.org:80     any form of inet_aton(3), a host's first IPv4 address
 *     2001:db8::1                                      IPv6 without a port
 *     [2001:db8::1]:80                                 IPv6 with a port, which brackets demand
 *     [10.1.0.100]:80                                  IPv4 in brackets: the port outside is not looked at
 *
 * A word of digits alone is nothing, although inet_aton(3) would take it.
 *
 * @param protocol whose service names may stand for the port; null: none
 */
export async function parseEndpoint(
  text: string,
  protocol: Protocol | null,
  names: Names,
): Promise<Endpoint | null> {
  if (/^\d*$/.test(text)) return null;
  const bracketed = /^\[([^\]]*)\](?::(.*))?/s.exec(text);
  if (text.startsWith('[') && bracketed?.[2] === undefined) return null;
  const inner = bracketed?.[1] ?? text;
  const ipv6 = parseIPv6(inner);
  if (ipv6 !== null) {
    return withPort('inet6', ipv6, bracketed?.[2], protocol, names);
  }
  const colon = inner.lastIndexOf(':');
  const host = colon === -1 ? inner : inner.slice(0, colon);
  const port = colon === -1 ? undefined : inner.slice(colon + 1);
  const address = parseIPv4(host) ?? (await names.hostAddress(host));
  return address === null ? null : withPort('inet', address, port, protocol, names);
}

async function withPort(
  family: Family,
  address: string,
  text: string | undefined,
  protocol: Protocol | null,
  names: Names,
): Promise<Endpoint | null> {
  if (text === undefined) return { family, address, port: null };
  const port = parseInteger(text, 0, PORT_MAX) ?? (await servicePort(text, protocol, names));
  return port === null ? null : { family, address, port };
}

function servicePort(
  service: string,
  protocol: Protocol | null,
  names: Names,
): Promise<number | null> {
  if (protocol === null) return Promise.resolve(null);
  return names.servicePort(service, protocol);
}
