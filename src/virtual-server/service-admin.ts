/**
 * Changing services and destinations, with ip_vs's checks in ip_vs's order (ip_vs_ctl.c). Synchronous: a
 * change is made between two bursts of packets, whole or not at all.
 */
import { SCHEDULERS, schedulerByName } from '../../scheduler/registry.js';
import { secondsToTicks, TIMEOUT_MAX_SECONDS } from '../../dataplane/clock.js';
import type { Lifecycle } from '../../dataplane/lifecycle/connections.js';
import { SERVICE_PERSISTENT, SERVICE_SCHEDULER_FLAGS } from '../../dataplane/service/services.js';
import type { State } from '../../dataplane/state.js';
import {
  ControlError,
  type Change,
  type DestinationKey,
  type DestinationSettings,
  type ServiceKey,
  type ServiceSettings,
} from '../control/api.js';
import { ipv4FromText } from '../control/ipv4.js';

const TCP = 6;
const FORWARD_MASQ = 0;
const WEIGHT_MAX = 0x7fffffff;
const THRESHOLD_MAX = 0x7fffffff;

function unsupported(what: string): ControlError {
  return new ControlError('EOPNOTSUPP', `${what} not supported by this director`);
}

function addressOf(text: string): number {
  const address = ipv4FromText(text);
  if (address === undefined) throw new ControlError('EINVAL', `bad IPv4 address ${text}`);
  return address;
}

function timeoutTicksOf({ persistent, timeoutSeconds }: ServiceSettings): number {
  if (!persistent) return 0;
  if (timeoutSeconds <= TIMEOUT_MAX_SECONDS) return secondsToTicks(timeoutSeconds);
  const limit = `${TIMEOUT_MAX_SECONDS} seconds`;
  throw new ControlError(
    'EINVAL',
    `a persistence timeout is at most ${limit}, not ${timeoutSeconds}`,
  );
}

export class ServiceAdmin {
  constructor(
    private readonly state: State,
    private readonly lifecycle: Pick<Lifecycle, 'sweepUnavailable'>,
    private readonly clock: () => number,
  ) {}

  /** @returns the record that was changed: a service's, or a destination's where the change has a `service` */
  make(change: Change): number {
    switch (change.change) {
      case 'addService':
        return this.addService(change.key, change.settings);
      case 'editService':
        return this.editService(change.key, change.settings);
      case 'deleteService':
        return this.deleteService(change.key);
      case 'addDestination':
        return this.addDestination(change.service, change.key, change.settings);
      case 'editDestination':
        return this.editDestination(change.service, change.key, change.settings);
      default:
        return this.deleteDestination(change.service, change.key);
    }
  }

  /** The service's number. ESRCH where there is none. */
  find(key: ServiceKey): number {
    const service = this.lookup(key);
    if (service === 0) throw new ControlError('ESRCH', 'No such service');
    return service;
  }

  /** @returns the new service */
  addService(key: ServiceKey, settings: ServiceSettings): number {
    this.refuseUnsupported(key, settings);
    if (this.lookup(key) !== 0) throw new ControlError('EEXIST', 'Service already exists');
    const schedulerId = this.schedulerId(settings);
    // Refuses what `configure` would refuse once the service is there.
    addressOf(settings.netmask);
    timeoutTicksOf(settings);
    const { services, statistics } = this.state;
    const service = services.add(TCP, addressOf(key.address), key.port);
    if (service === 0) throw new ControlError('ENOMEM', 'no room for another service');
    if (!statistics.reserve(this.state.serviceBlock(service))) {
      services.remove(service);
      throw new ControlError('ENOMEM', 'no memory for the counters of another service');
    }
    statistics.clear(this.state.serviceBlock(service));
    this.configure(service, settings);
    this.bindScheduler(service, schedulerId);
    return service;
  }

  /** @returns the service */
  editService(key: ServiceKey, settings: ServiceSettings): number {
    this.refuseUnsupported(key, settings);
    const service = this.find(key);
    const schedulerId = this.schedulerId(settings);
    this.configure(service, settings);
    if (schedulerId !== this.state.services.schedulerId(service)) {
      this.state.schedulers[service]?.unbind();
      this.bindScheduler(service, schedulerId);
    }
    return service;
  }

  /** Its destinations go to the trash. @returns the service that was */
  deleteService(key: ServiceKey): number {
    const service = this.find(key);
    this.remove(service);
    return service;
  }

  flush(): void {
    const { services } = this.state;
    for (let s = 1; s <= services.highWater; s++) if (services.isLive(s)) this.remove(s);
  }

  /** @returns the destination, perhaps one out of the trash */
  addDestination(
    serviceKey: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): number {
    const service = this.find(serviceKey);
    const { destinations, services, trash, statistics } = this.state;
    const address = this.checkDestination(key, settings);
    if (destinations.find(service, address, key.port) !== 0) {
      throw new ControlError('EEXIST', 'Destination already exists');
    }
    let destination = trash.take(service, address, key.port);
    if (destination === 0) {
      if (!isUnicast(address)) throw new ControlError('EINVAL', `${key.address} is not unicast`);
      destination = destinations.create(service, address, key.port);
      if (destination === 0) throw new ControlError('ENOMEM', 'no room for another destination');
      if (!statistics.reserve(this.state.destinationBlock(destination))) {
        destinations.free(destination);
        throw new ControlError('ENOMEM', 'no memory for the counters of another destination');
      }
      statistics.clear(this.state.destinationBlock(destination));
    } else if (destinations.serviceSerial(destination) !== services.serial(service)) {
      statistics.clear(this.state.destinationBlock(destination));
    }
    this.configureDestination(destination, true, settings);
    destinations.linkTo(service, destination);
    this.state.schedulers[service]?.added(destination);
    return destination;
  }

  /** @returns the destination */
  editDestination(
    serviceKey: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): number {
    const service = this.find(serviceKey);
    const address = this.checkDestination(key, settings);
    const destination = this.state.destinations.find(service, address, key.port);
    if (destination === 0) throw new ControlError('ENOENT', 'No such destination');
    this.state.services.keep(service);
    this.configureDestination(destination, false, settings);
    this.state.schedulers[service]?.updated(destination);
    return destination;
  }

  /** @returns the destination, which is in the trash now */
  deleteDestination(serviceKey: ServiceKey, key: DestinationKey): number {
    const service = this.find(serviceKey);
    const destination = this.destinationOf(service, key);
    if (destination === 0) throw new ControlError('ENOENT', 'No such destination');
    this.state.destinations.unlink(destination);
    this.state.schedulers[service]?.removed(destination);
    this.discard(destination);
    return destination;
  }

  /** Binds the schedulers of services that were taken over from an earlier run. */
  rebindSchedulers(): void {
    const { services, destinations, schedulers } = this.state;
    schedulers.length = 0;
    for (let s = 1; s <= services.highWater; s++) {
      const id = services.schedulerId(s);
      if (services.isLive(s) && id !== 0) {
        schedulers[s] = SCHEDULERS[id - 1].bind(destinations, s, false);
      }
    }
  }

  /** The service's number, 0 where there is none. */
  lookup(key: ServiceKey): number {
    const address = ipv4FromText(key.address);
    if (key.family !== 'inet' || key.protocol !== 'tcp' || key.fwmark !== 0) return 0;
    return address === undefined ? 0 : this.state.services.find(TCP, address, key.port);
  }

  /** The number of a service's destination, 0 where there is none. */
  lookupDestination(serviceKey: ServiceKey, key: DestinationKey): number {
    const service = this.lookup(serviceKey);
    return service === 0 ? 0 : this.destinationOf(service, key);
  }

  /** True where the destination is in the trash, from which adding it takes it out again. */
  isDeleted({ address, port }: ServiceKey, key: DestinationKey): boolean {
    const virtual = ipv4FromText(address);
    const real = ipv4FromText(key.address);
    if (virtual === undefined || real === undefined) return false;
    return this.state.trash.has(TCP, virtual, port, real, key.port);
  }

  private destinationOf(service: number, key: DestinationKey): number {
    const address = ipv4FromText(key.address);
    return address === undefined ? 0 : this.state.destinations.find(service, address, key.port);
  }

  private refuseUnsupported(key: ServiceKey, settings: ServiceSettings): void {
    if (key.fwmark !== 0) throw unsupported('Firewall-mark services are');
    if (key.family !== 'inet') throw unsupported('IPv6 services are');
    if (key.protocol !== 'tcp') throw unsupported(`${key.protocol.toUpperCase()} services are`);
    if (settings.onePacket) throw unsupported('One-packet scheduling is');
    if (settings.persistenceEngine !== '') {
      throw new ControlError('ENOENT', 'Scheduler or persistence engine not found');
    }
  }

  private schedulerId(settings: ServiceSettings): number {
    if (settings.scheduler === 'none') return 0;
    const type = schedulerByName(settings.scheduler);
    if (type === undefined) {
      throw new ControlError('ENOENT', 'Scheduler or persistence engine not found');
    }
    return SCHEDULERS.indexOf(type) + 1;
  }

  private configure(service: number, settings: ServiceSettings): void {
    const flags =
      (settings.schedulerFlags & SERVICE_SCHEDULER_FLAGS) |
      (settings.persistent ? SERVICE_PERSISTENT : 0);
    const netmask = addressOf(settings.netmask);
    this.state.services.configure(service, flags, timeoutTicksOf(settings), netmask);
  }

  private bindScheduler(service: number, id: number): void {
    const { services, schedulers, destinations } = this.state;
    services.setSchedulerId(service, id);
    schedulers[service] =
      id === 0 ? undefined : SCHEDULERS[id - 1].bind(destinations, service, true);
  }

  private remove(service: number): void {
    const { services, destinations, schedulers } = this.state;
    schedulers[service]?.unbind();
    schedulers[service] = undefined;
    for (let d = services.first(service); d !== 0; d = services.first(service)) {
      destinations.unlink(d);
      this.discard(d);
    }
    services.remove(service);
  }

  /** An unlinked destination goes to the trash, its connections at once with expire_nodest_conn. */
  private discard(destination: number): void {
    this.state.trash.put(destination, this.clock());
    if (this.state.settings.expireNodestConn !== 0) this.lifecycle.sweepUnavailable();
  }

  /** The destination's address, once its settings have passed ip_vs's checks. */
  private checkDestination(key: DestinationKey, settings: DestinationSettings): number {
    if (settings.weight < 0 || settings.weight > WEIGHT_MAX) {
      throw new ControlError('ERANGE', 'weight out of range');
    }
    if (settings.upperThreshold > THRESHOLD_MAX) {
      throw new ControlError('ERANGE', `upper threshold above ${THRESHOLD_MAX}`);
    }
    if (settings.lowerThreshold > settings.upperThreshold) {
      throw new ControlError('ERANGE', 'lower threshold above the upper one');
    }
    if (key.family !== 'inet') throw unsupported('IPv6 servers are');
    if (settings.forwarding !== 'masq') {
      const option = settings.forwarding === 'tunnel' ? '-i' : '-g';
      throw unsupported(`Forwarding by ${settings.forwarding} (${option}) is`);
    }
    return addressOf(key.address);
  }

  private configureDestination(
    destination: number,
    isNew: boolean,
    settings: DestinationSettings,
  ): void {
    this.state.destinations.configure(
      destination,
      isNew,
      settings.weight,
      FORWARD_MASQ,
      settings.upperThreshold,
      settings.lowerThreshold,
    );
  }
}

/** What ip_vs asks of a new destination's address (a local one would do, too). */
function isUnicast(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first < 224;
}
