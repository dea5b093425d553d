/** Names as this host knows them: the system's resolver for hosts, /etc/services for ports. */
import { lookup, lookupService } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import type { Protocol } from '../control/api.js';
import type { Names } from './names.js';

const SERVICES_FILE = '/etc/services';
/** Names kept of a listing's addresses; a million clients need not all be remembered. */
const HOST_NAMES_MAX = 65_536;

export class SystemNames implements Names {
  private readonly hostNames = new Map<string, Promise<string | null>>();
  private services: ServiceTable | null = null;

  /** @param servicesFile in the format of services(5) */
  constructor(private readonly servicesFile = SERVICES_FILE) {}

  async hostAddress(host: string): Promise<string | null> {
    if (host === '') return null;
    try {
      return (await lookup(host, { family: 4 })).address;
    } catch {
      return null;
    }
  }

  hostName(address: string): Promise<string | null> {
    const known = this.hostNames.get(address);
    if (known !== undefined) return known;
    if (this.hostNames.size === HOST_NAMES_MAX) this.hostNames.clear();
    const name = lookUpHostName(address);
    this.hostNames.set(address, name);
    return name;
  }

  servicePort(service: string, protocol: Protocol): Promise<number | null> {
    return Promise.resolve(this.table().ports.get(`${service}/${protocol}`) ?? null);
  }

  serviceName(port: number, protocol: Protocol): Promise<string | null> {
    return Promise.resolve(this.table().names.get(`${port}/${protocol}`) ?? null);
  }

  private table(): ServiceTable {
    this.services ??= readServices(this.servicesFile);
    return this.services;
  }
}

async function lookUpHostName(address: string): Promise<string | null> {
  try {
    // The port is only there because the function wants one.
    return (await lookupService(address, 0)).hostname;
  } catch {
    return null;
  }
}

/** Both ways of looking, by "http/tcp" and by "80/tcp"; of several entries the first counts. */
interface ServiceTable {
  ports: Map<string, number>;
  names: Map<string, string>;
}

/** Lines are "http  80/tcp  www  # World Wide Web": name, port and protocol, other names, comment. */
function readServices(path: string): ServiceTable {
  const table: ServiceTable = { ports: new Map(), names: new Map() };
  for (const line of readLines(path)) {
    const [name, portAndProtocol, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const [port, protocol] = (portAndProtocol ?? '').split('/');
    if (protocol === undefined) continue;
    if (!table.names.has(portAndProtocol)) table.names.set(portAndProtocol, name);
    for (const alias of [name, ...aliases]) {
      const key = `${alias}/${protocol}`;
      if (!table.ports.has(key)) table.ports.set(key, Number(port));
    }
  }
  return table;
}

/** Without the file (a small container) there are no names. */
function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
