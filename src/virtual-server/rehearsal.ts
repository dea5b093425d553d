/**
 * Several changes tried out before any of them is made: on tables that hold nothing but the records the changes
 * are about, with as much room left as there really is. Whatever the real tables would refuse is refused there.
 */
import { type Allocate, allocateMemory, heapMemory, State } from '../../dataplane/state.js';
import { ControlError, type Change, type DestinationKey, type ServiceKey } from '../control/api.js';
import { changeText } from '../control/change-text.js';
import { destinationIdentity, serviceIdentity } from '../control/identity.js';
import { ServiceAdmin } from './service-admin.js';

/** That a service or a server is there is all that matters of those that are. */
const PLAIN_SERVICE = {
  scheduler: 'none',
  schedulerFlags: 0,
  persistent: false,
  timeoutSeconds: 0,
  netmask: '255.255.255.255',
  onePacket: false,
  persistenceEngine: '',
};
const PLAIN_SERVER = {
  forwarding: 'masq',
  weight: 0,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
} as const;

/** Nobody connects on a stage: what a state keeps beside its tables can be the same memory for all of them. */
let unused = new ArrayBuffer(0);
const unusedMemory: Allocate = (bytes) => {
  if (unused.byteLength < bytes) unused = new ArrayBuffer(bytes);
  return unused;
};

/** What the changes are about and is there now. */
interface Cast {
  services: ServiceKey[];
  servers: { service: ServiceKey; key: DestinationKey }[];
  /** Servers that were deleted and whose records are still there: to add one again takes no new record. */
  deleted: number;
}

/**
 * Throws the ControlError of the first change that would be refused, the change's number and name before it, and
 * makes sure of the memory for all of them.
 */
export function rehearse(state: State, admin: ServiceAdmin, changes: readonly Change[]): void {
  const newServices = changes.filter(({ change }) => change === 'addService').length;
  const newServers = changes.filter(({ change }) => change === 'addDestination').length;
  const stage = setStage(state, castOf(admin, changes), newServices, newServers);
  for (const [i, change] of changes.entries()) {
    try {
      stage.make(change);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      const name = `change ${i + 1} (${changeText(change)})`;
      throw new ControlError(error.errno, `${name}: ${error.message}`);
    }
  }
  if (!makeRoom(state, newServices, newServers)) {
    throw new ControlError('ENOMEM', `no memory for ${changes.length} changes`);
  }
}

function castOf(admin: ServiceAdmin, changes: readonly Change[]): Cast {
  const cast: Cast = { services: [], servers: [], deleted: 0 };
  const seen = new Set<string>();
  const isNew = (name: string): boolean => seen.size < seen.add(name).size;
  for (const change of changes) {
    const service = 'service' in change ? change.service : change.key;
    const name = serviceIdentity(service);
    if (isNew(name) && admin.lookup(service) !== 0) cast.services.push(service);
    if (!('service' in change)) continue;
    const { key } = change;
    if (!isNew(`${name} ${destinationIdentity(key)}`)) continue;
    if (admin.lookupDestination(service, key) !== 0) cast.servers.push({ service, key });
    else if (admin.isDeleted(service, key)) cast.deleted++;
  }
  return cast;
}

/**
 * Tables with the cast on them. Records of servers aren't freed by any change, so in the end exactly those too
 * many are missed; those of services are used again at once, as the real ones are.
 */
function setStage(state: State, cast: Cast, newServices: number, newServers: number): ServiceAdmin {
  const capacity = {
    connections: 1,
    services: cast.services.length + Math.min(freeServices(state), newServices),
    destinations:
      cast.servers.length + Math.min(freeDestinations(state) + cast.deleted, newServers),
  };
  const memory = allocateMemory(capacity, heapMemory);
  const scratch = new State(capacity, memory, unusedMemory, [0, 0], 0);
  const stage = new ServiceAdmin(scratch, { sweepUnavailable: () => undefined }, () => 0);
  for (const key of cast.services) stage.addService(key, PLAIN_SERVICE);
  for (const { service, key } of cast.servers) stage.addDestination(service, key, PLAIN_SERVER);
  return stage;
}

function freeServices({ capacity, services }: State): number {
  return capacity.services - services.count;
}

function freeDestinations({ capacity, destinations }: State): number {
  let live = 0;
  for (let d = 1; d <= destinations.highWater; d++) if (destinations.isLive(d)) live++;
  return capacity.destinations - live;
}

/** False where there is no memory for the records, their counters, and the copies that undo the changes. */
function makeRoom(state: State, newServices: number, newServers: number): boolean {
  const { capacity, services, destinations, statistics, journal } = state;
  const lastServer = Math.min(capacity.destinations, destinations.highWater + newServers);
  return (
    services.makeRoom(newServices) &&
    destinations.makeRoom(newServers) &&
    (newServices + newServers === 0 || statistics.reserve(state.destinationBlock(lastServer))) &&
    journal.makeRoom(newServices + newServers)
  );
}
