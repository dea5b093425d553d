/** "HOST:PORT" of `--metrics`. */
import { isIPv4, isIPv6 } from 'node:net';

const LOOPBACK = '127.0.0.1';
const PORT_MAX = 65_535;

export interface ListenAddress {
  /** An IP address, IPv6 without brackets. */
  host: string;
  port: number;
}

/**
 * Reads "127.0.0.1:9110", "[::1]:9110", "localhost:9110", and ":9110" or "9110" for the loopback address. Names
 * other than localhost aren't looked up. @returns null where the text is no such address
 */
export function readListenAddress(text: string): ListenAddress | null {
  const parts = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text);
  if (parts === null) return null;
  const [, bracketed, plain, digits] = parts;
  const port = Number(digits);
  if (port < 1 || port > PORT_MAX) return null;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : null;
  if (plain === undefined || plain === '' || plain === 'localhost') return { host: LOOPBACK, port };
  return isIPv4(plain) ? { host: plain, port } : null;
}

/** "127.0.0.1:9110", "[::1]:9110" */
export function listenAddressText({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True where only programs of this host reach the address. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === '::1' || host.startsWith('127.');
}
