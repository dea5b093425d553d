/** What options with more to them than a number write into the request. */
import type { Protocol } from '../control/api.js';
import { isMulticast, parseIPv4 } from './addresses.js';
import { parseEndpoint } from './endpoint.js';
import { usageFault } from './failure.js';
import type { Names } from './names.js';
import { IPV6_HOST_MASK, type Request } from './request.js';
import { leadingInteger, parseFwmark } from './values.js';

/** Writes an option's value ("" where it takes none) into the request. Throws AdminError. */
export type Apply = (request: Request, value: string, names: Names) => void | Promise<void>;

const IPV6_PREFIX_MAX = 128;

export const serviceAt =
  (protocol: Protocol): Apply =>
  async (request, value, names) => {
    const endpoint = await parseEndpoint(value, protocol, names);
    if (endpoint === null) throw usageFault('illegal virtual server address[:port] specified');
    const { family, address, port } = endpoint;
    request.service = { family, protocol, address, port: port ?? 0, fwmark: 0 };
    request.protocol = protocol;
    if (family === 'inet6') request.netmask = IPV6_HOST_MASK;
  };

export const serviceByMark: Apply = (request, value) => {
  request.service.fwmark = parseFwmark(value);
  request.protocol = 'tcp';
};

export const ipv6Mark: Apply = (request) => {
  // The line feed is ipvsadm's, too.
  if (request.service.fwmark === 0) throw usageFault('-6 used before -f\n');
  request.service = { ...request.service, family: 'inet6', address: '::' };
  request.netmask = IPV6_HOST_MASK;
};

export const netmask: Apply = async (request, value, names) => {
  if (request.service.family === 'inet6') {
    const prefixLength = leadingInteger(value);
    if (prefixLength < 1 || prefixLength > IPV6_PREFIX_MAX) {
      throw usageFault('illegal ipv6 netmask specified');
    }
    request.netmask = String(prefixLength);
    return;
  }
  const mask = parseIPv4(value) ?? (await names.hostAddress(value));
  if (mask === null) throw usageFault('illegal virtual server persistent mask specified');
  request.netmask = mask;
};

export const realServer: Apply = async (request, value, names) => {
  const endpoint = await parseEndpoint(value, request.protocol, names);
  if (endpoint === null) throw usageFault('illegal real server address[:port] specified');
  const { family, address, port } = endpoint;
  request.destination = { family, address, port: port ?? request.service.port };
};

export const tunnelType: Apply = (request, value) => {
  if (value !== 'ipip' && value !== 'gue' && value !== 'gre') {
    throw usageFault('illegal tunnel type specified');
  }
  request.tunnel.type = value;
};

export const multicastGroup: Apply = (request, value) => {
  const isIPv6 = value.includes(':');
  if (!isMulticast(isIPv6 ? 'inet6' : 'inet', value)) {
    throw usageFault(`invalid ${isIPv6 ? 'IPv6' : 'IPv4'} mcast-group \`${value}'`);
  }
  request.daemon.group = value;
};

/** ipvsadm names the option of the one command with a hyphen and of the other without. */
export const daemonState =
  (what: string): Apply =>
  (request, value) => {
    if (value !== 'master' && value !== 'backup') throw usageFault(`illegal ${what} specified`);
    request.daemon.state = value;
  };
