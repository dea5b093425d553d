/** Where a server is a real server, and what is left of its connections there. */
import type { Endpoint } from '../../admin/endpoint.js';
import type {
  Change,
  ConnectionEntry,
  Control,
  DestinationEntry,
  ServiceEntry,
  ServiceKey,
} from '../../control/api.js';
import { numericText } from '../../admin/endpoint-text.js';
import { destinationIdentity } from '../../control/identity.js';

/** Both sides have finished, or one has reset it. */
const OVER: ReadonlySet<string> = new Set(['TIME_WAIT', 'CLOSE']);
/** A template is for all of a client's ports. */
const TEMPLATE_PORT = 0;

/** A server in one service, as it was before it was drained. */
export interface Place {
  service: ServiceKey;
  isPersistent: boolean;
  before: DestinationEntry;
}

export interface Left {
  active: number;
  inactive: number;
  /** Persistence templates: clients that come back to the server, whatever its weight. */
  templates: number;
}

/** There is nothing to drain, or no way to go on; the message says why. */
export class DrainError extends Error {
  override name = 'DrainError';
}

/**
 * @param server on every port where it has none
 * @param only the one service that is meant, null for all
 * @throws DrainError where the server is in none
 */
export function placesOf(
  services: readonly ServiceEntry[],
  server: Endpoint,
  only: Endpoint | null,
): Place[] {
  const places = services
    .filter((service) => only === null || (service.fwmark === 0 && matches(service, only)))
    .flatMap((service) =>
      service.destinations
        .filter((destination) => matches(destination, server))
        .map((before) => ({ service, isPersistent: service.persistent, before })),
    );
  if (places.length > 0)
    return places.map((place) => ({ ...place, service: keyOf(place.service) }));
  const where = only === null ? 'any service' : `the service ${endpointText(only)}`;
  throw new DrainError(`${endpointText(server)} is no real server of ${where}; see \`uvsadm -Ln\``);
}

/** The change that gives the server a weight at a place. */
export function weightChange({ service, before }: Place, weight: number): Change {
  const { family, address, port } = before;
  const { forwarding, upperThreshold, lowerThreshold, tunnel } = before;
  const settings = { forwarding, weight, upperThreshold, lowerThreshold, tunnel };
  return { change: 'editDestination', service, key: { family, address, port }, settings };
}

/** What there is at each place now. Rejects with DrainError where somebody has undone the draining. */
export async function leftAt(places: readonly Place[], control: Control): Promise<Left[]> {
  const left: Left[] = [];
  for (const { service, before } of places) {
    const name = `${numericText(before)} of ${numericText(service)}`;
    const { destinations } = await control.service(service);
    const wanted = destinationIdentity(before);
    const now = destinations.find((candidate) => destinationIdentity(candidate) === wanted);
    if (now === undefined) {
      throw new DrainError(
        `${name} was deleted meanwhile, its connections are not counted any more`,
      );
    }
    if (now.weight !== 0) {
      throw new DrainError(`${name} was given weight ${now.weight} meanwhile by somebody else`);
    }
    left.push({
      active: now.activeConnections,
      inactive: now.inactiveConnections,
      templates: now.persistentConnections,
    });
  }
  return left;
}

/**
 * Connections at the places that at least one side has not finished: inactive ones are remembered for minutes
 * after both have. Looks through all of the director's connections.
 */
export async function countOpen(places: readonly Place[], control: Control): Promise<number> {
  let open = 0;
  for await (const batch of control.connections()) {
    for (const connection of batch) {
      if (OVER.has(connection.state) || connection.clientPort === TEMPLATE_PORT) continue;
      if (places.some((place) => isAt(connection, place))) open++;
    }
  }
  return open;
}

function isAt(connection: ConnectionEntry, { service, before }: Place): boolean {
  return (
    connection.virtualAddress === service.address &&
    (service.port === 0 || connection.virtualPort === service.port) &&
    connection.destinationAddress === before.address &&
    (before.port === 0 || connection.destinationPort === before.port)
  );
}

/** All places together. */
export function totalOf(left: readonly Left[]): Left {
  const total: Left = { active: 0, inactive: 0, templates: 0 };
  for (const { active, inactive, templates } of left) {
    total.active += active;
    total.inactive += inactive;
    total.templates += templates;
  }
  return total;
}

/** "10.2.0.2:80", "10.2.0.2". */
export function endpointText({ family, address, port }: Endpoint): string {
  return port === null ? address : numericText({ family, address, port });
}

function matches(
  { family, address, port }: ServiceKey | DestinationEntry,
  wanted: Endpoint,
): boolean {
  const isAddress = family === wanted.family && address === wanted.address;
  return isAddress && (wanted.port === null || wanted.port === port);
}

function keyOf({ family, protocol, address, port, fwmark }: ServiceKey): ServiceKey {
  return { family, protocol, address, port, fwmark };
}
