/**
 * The way from the services there are to those that are wanted. What stays is edited where its settings differ
 * and not mentioned where they don't, never deleted and added again, so that its connections don't notice.
 */
import type {
  Change,
  DestinationEntry,
  DestinationKey,
  DestinationSettings,
  ServiceEntry,
  ServiceKey,
  ServiceSettings,
} from '../control/api.js';
import { destinationIdentity, serviceIdentity } from '../control/identity.js';

type WantedServer = DestinationKey & DestinationSettings;
export type WantedService = ServiceKey & ServiceSettings & { destinations: WantedServer[] };

/** One change, and what it changes as it is before; null for what is added. */
export interface Step {
  change: Change;
  before: ServiceEntry | DestinationEntry | null;
}

/**
 * Deletions first, then what is changed and added, each in the order of its list. Servers are added in reverse,
 * so that they are listed in the order in which they are wanted: the order by itself is no difference.
 */
export function difference(
  present: readonly ServiceEntry[],
  wanted: readonly WantedService[],
): Step[] {
  const here = new Map(present.map((service) => [serviceIdentity(service), service]));
  const staying = new Set(wanted.map(serviceIdentity));
  const steps: Step[] = [];
  for (const service of present) {
    if (staying.has(serviceIdentity(service))) continue;
    steps.push({ change: { change: 'deleteService', key: serviceKey(service) }, before: service });
  }
  for (const service of wanted) {
    const before = here.get(serviceIdentity(service));
    steps.push(...(before === undefined ? addition(service) : transition(before, service)));
  }
  return steps;
}

function addition(service: WantedService): Step[] {
  const key = serviceKey(service);
  const change: Change = { change: 'addService', key, settings: serviceSettings(service) };
  return [{ change, before: null }, ...serverSteps(key, [], service.destinations)];
}

function transition(before: ServiceEntry, after: WantedService): Step[] {
  const key = serviceKey(after);
  const settings = serviceSettings(after);
  const servers = serverSteps(key, before.destinations, after.destinations);
  if (isEqual(serviceSettings(before), settings)) return servers;
  return [{ change: { change: 'editService', key, settings }, before }, ...servers];
}

function serverSteps(
  service: ServiceKey,
  present: readonly DestinationEntry[],
  wanted: readonly WantedServer[],
): Step[] {
  const here = new Map(present.map((server) => [destinationIdentity(server), server]));
  const staying = new Set(wanted.map(destinationIdentity));
  const steps: Step[] = [];
  for (const server of present) {
    if (staying.has(destinationIdentity(server))) continue;
    const key = destinationKey(server);
    steps.push({ change: { change: 'deleteDestination', service, key }, before: server });
  }
  for (const server of wanted.toReversed()) {
    const before = here.get(destinationIdentity(server)) ?? null;
    const settings = destinationSettings(server);
    if (before !== null && isEqual(destinationSettings(before), settings)) continue;
    const change = before === null ? 'addDestination' : 'editDestination';
    steps.push({ change: { change, service, key: destinationKey(server), settings }, before });
  }
  return steps;
}

function serviceKey({ family, protocol, address, port, fwmark }: ServiceKey): ServiceKey {
  return { family, protocol, address, port, fwmark };
}

function serviceSettings(service: ServiceSettings): ServiceSettings {
  const { scheduler, schedulerFlags, persistent, timeoutSeconds } = service;
  const { netmask, onePacket, persistenceEngine } = service;
  return {
    scheduler,
    schedulerFlags,
    persistent,
    timeoutSeconds,
    netmask,
    onePacket,
    persistenceEngine,
  };
}

function destinationKey({ family, address, port }: DestinationKey): DestinationKey {
  return { family, address, port };
}

function destinationSettings(server: DestinationSettings): DestinationSettings {
  const { forwarding, weight, upperThreshold, lowerThreshold } = server;
  const { type, port, checksum } = server.tunnel;
  const tunnel = { type, port, checksum };
  return { forwarding, weight, upperThreshold, lowerThreshold, tunnel };
}

/** Of two settings that were made with their fields in the same order. */
function isEqual<T extends object>(a: T, b: T): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
