/** Programs of this host that listen on a virtual service's address and port: clients don't reach them. */
import { readdirSync, readlinkSync } from 'node:fs';
import { endpointName } from '../../../control/names.js';
import { ipv4ToText } from '../../../control/ipv4.js';
import type { Host } from '../host.js';
import type { Check } from '../check.js';

const LISTEN = '0A';
const ANY = '0.0.0.0';
const MAPPED_PREFIX = '0000000000000000FFFF0000';
const ANY_V6 = '0'.repeat(32);

interface Listener {
  /** ANY for all of them. */
  address: string;
  port: number;
  inode: string;
}

export const listeners: Check = {
  name: 'listeners',
  run({ host, gateway }, findings) {
    const all = ['tcp', 'tcp6'].flatMap((table) => listening(host.read(`/proc/net/${table}`)));
    for (const service of gateway.services) {
      const rivals = all.filter(
        ({ port, address }) =>
          port === service.port && (address === service.address || address === ANY),
      );
      for (const { address, inode } of rivals) {
        const owner = ownerOf(inode, host);
        const name = endpointName(service);
        const command = `ss -lntp 'sport = :${service.port}'  # then stop it, or have it listen on another address`;
        if (address === ANY) {
          findings.note(
            `${owner} listens on port ${service.port} of all addresses: at ${name} clients get the servers instead`,
            command,
          );
        } else {
          findings.warning(
            `${owner} listens on ${name}, which is a virtual service: clients don't reach it while uvsd is at work, ` +
              'and get it instead of the servers when uvsd is stopped',
            command,
          );
        }
      }
    }
    if (findings.isEmpty && gateway.services.length > 0) {
      findings.ok('no program of this host listens on a virtual service');
    }
  },
};

/** Of /proc/net/tcp or tcp6: "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode". */
function listening(table: string): Listener[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN)
    .flatMap((fields) => {
      const [address, port] = fields[1].split(':');
      const text = addressText(address);
      return text === null
        ? []
        : [{ address: text, port: Number.parseInt(port, 16), inode: fields[9] }];
    });
}

/** Words in the host's order, in hexadecimal; null where clients of IPv4 don't reach it. */
function addressText(hexadecimal: string): string | null {
  if (hexadecimal === ANY_V6) return ANY;
  const isMapped = hexadecimal.length > 8;
  if (isMapped && !hexadecimal.startsWith(MAPPED_PREFIX)) return null;
  return ipv4ToText(Buffer.from(hexadecimal.slice(-8), 'hex').readInt32LE());
}

/** The process that has the socket, as far as it may be seen. */
function ownerOf(inode: string, host: Host): string {
  const target = `socket:[${inode}]`;
  for (const pid of entriesOf('/proc').filter((name) => /^\d+$/.test(name))) {
    const descriptors = `/proc/${pid}/fd`;
    if (!entriesOf(descriptors).some((fd) => linkOf(`${descriptors}/${fd}`) === target)) continue;
    return `${host.read(`/proc/${pid}/comm`).trim()} (process ${pid})`;
  }
  return 'a program';
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
