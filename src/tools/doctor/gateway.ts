/** What the doctor examines: services and servers, from the director at work or from a file of rules. */
import { ControlError, type DestinationEntry, type ServiceEntry } from '../../control/api.js';
import { NoDirectorError } from '../../control/client.js';
import type { Snapshot } from '../../control/snapshot.js';
import { endpointName } from '../../control/names.js';
import { directorOfNetwork } from '../../director/network-lock.js';
import { presentDataPlane, type Presence } from '../../worker/presence.js';
import { withDirector, type CommandOptions, type OpenControl } from '../command.js';
import { ConnectionDigest } from './connection-digest.js';

export interface Gateway {
  /** Of this network namespace: process of the director, 0 where it doesn't say, null where there is none. */
  directorPid: number | null;
  /** The data plane at work. */
  dataPlane: Presence | null;
  /** Why the director that is there can't be asked; empty where it was, or there is none. */
  silence: string;
  /** Where the services come from; `nothing`: there are none to examine. */
  source: 'director' | 'rules' | 'nothing';
  /** Of TCP on IPv4, by address. */
  services: ServiceEntry[];
  /** Null where no director could be asked; the same for what follows. */
  snapshot: Snapshot | null;
  connections: ConnectionDigest | null;
}

/** A real server, with the services that it is in. */
export interface Server {
  address: string;
  /** As each of the services has it. */
  entries: { service: ServiceEntry; entry: DestinationEntry }[];
}

/** Asks the director; `rulesFile` comes first where it is given. Rejects with RulesError. */
export async function readGateway(
  rulesFile: string | null,
  options: CommandOptions,
): Promise<Gateway> {
  const gateway: Gateway = {
    directorPid: await directorOfNetwork(),
    dataPlane: await presentDataPlane(),
    silence: '',
    source: 'nothing',
    services: [],
    snapshot: null,
    connections: null,
  };
  if (gateway.directorPid !== null) await ask(gateway, options);
  if (rulesFile !== null) {
    gateway.services = (await readServices(rulesFile)).filter(isExaminable);
    gateway.source = 'rules';
  }
  return gateway;
}

/** What it takes is only loaded where there is a file. */
async function readServices(rulesFile: string): Promise<ServiceEntry[]> {
  const { readRules } = await import('../../rules/rules-file.js');
  const { wantedBy } = await import('../../rules/wanted.js');
  return (await wantedBy(rulesFile, readRules(rulesFile))).services;
}

async function ask(gateway: Gateway, options: CommandOptions): Promise<void> {
  try {
    await withDirector(options, async (control) => {
      // A snapshot may be a second old.
      gateway.services = (await control.services()).filter(isExaminable);
      gateway.snapshot = await control.snapshot();
      gateway.connections = await digest(control);
    });
    gateway.source = 'director';
  } catch (error) {
    if (!(error instanceof NoDirectorError || error instanceof ControlError)) throw error;
    gateway.silence = error.message;
  }
}

/** Of a large table the first part does: listing a million connections takes seconds. */
async function digest(control: OpenControl): Promise<ConnectionDigest> {
  const connections = new ConnectionDigest();
  for await (const batch of control.connections()) {
    connections.add(batch);
    if (connections.isFull) break;
  }
  return connections;
}

function isExaminable({ family, protocol, fwmark }: ServiceEntry): boolean {
  return family === 'inet' && protocol === 'tcp' && fwmark === 0;
}

export function serversOf({ services }: Gateway): Server[] {
  const servers = new Map<string, Server>();
  for (const service of services) {
    for (const entry of service.destinations) {
      const server = servers.get(entry.address) ?? { address: entry.address, entries: [] };
      server.entries.push({ service, entry });
      servers.set(entry.address, server);
    }
  }
  return [...servers.values()];
}

/** Each virtual address once. */
export function virtualAddressesOf({ services }: Gateway): string[] {
  return [...new Set(services.map(({ address }) => address))];
}

/** "10.1.0.100:80" of all services with this address. */
export function servicesAt({ services }: Gateway, address: string): string[] {
  return services.filter((service) => service.address === address).map(endpointName);
}
