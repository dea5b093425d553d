/**
 * The running director's Control: the virtual server's own, with every change hidden from the kernel before it
 * is made and answered after interception is in line with it, and each change in the log.
 */
import type {
  Change,
  Control,
  DaemonSettings,
  DestinationKey,
  DestinationSettings,
  ServiceKey,
  ServiceSettings,
  Timeouts,
} from '../control/api.js';
import { ipv4FromText } from '../control/ipv4.js';
import type { Snapshot } from '../control/snapshot.js';
import { realEndpoint, virtualEndpoint, type Endpoints } from '../virtual-server/endpoints.js';
import type { InterceptSync } from './intercept-sync.js';
import type { Log, LogFields } from './log.js';
import { endpointName, serviceName } from '../control/names.js';
import type { VipWatch } from './vip-watch.js';

/** Names of the log's fields. */
const COUNTERS: Record<Change['change'], string> = {
  addService: 'servicesAdded',
  editService: 'servicesEdited',
  deleteService: 'servicesDeleted',
  addDestination: 'serversAdded',
  editDestination: 'serversEdited',
  deleteDestination: 'serversDeleted',
};

export interface DirectorControlOptions {
  inner: Control;
  interception: Pick<InterceptSync, 'changeBehind' | 'settleOrWarn'>;
  vips: Pick<VipWatch, 'added'>;
  /** Checks the program that is installed now and has it take over; resolves to its version before it does. */
  upgrade: () => Promise<{ version: string }>;
  /** What can be seen of the director at one moment. */
  snapshot: () => Promise<Snapshot>;
  log: Log;
}

export class DirectorControl implements Control {
  private readonly inner: Control;
  private readonly interception: DirectorControlOptions['interception'];
  private readonly vips: DirectorControlOptions['vips'];
  private readonly upgradeSelf: DirectorControlOptions['upgrade'];
  private readonly look: DirectorControlOptions['snapshot'];
  private readonly log: Log;

  constructor(options: DirectorControlOptions) {
    this.inner = options.inner;
    this.interception = options.interception;
    this.vips = options.vips;
    this.upgradeSelf = options.upgrade;
    this.look = options.snapshot;
    this.log = options.log;
  }

  async addService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    await this.behind(serviceEndpoints(key, settings), () => this.inner.addService(key, settings));
    const { scheduler } = settings;
    this.log.info('service added', { service: serviceName(key), scheduler });
    await this.vips.added([key]);
  }

  async editService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    await this.behind(serviceEndpoints(key, settings), () => this.inner.editService(key, settings));
    const { scheduler } = settings;
    this.log.info('service edited', { service: serviceName(key), scheduler });
  }

  async deleteService(key: ServiceKey): Promise<void> {
    await this.inner.deleteService(key);
    await this.interception.settleOrWarn();
    this.log.info('service deleted', { service: serviceName(key) });
  }

  async flush(): Promise<void> {
    await this.inner.flush();
    await this.interception.settleOrWarn();
    this.log.info('all services deleted');
  }

  async addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    await this.behind(serverEndpoints(service, key, settings), () =>
      this.inner.addDestination(service, key, settings),
    );
    this.log.info('server added', serverFields(service, key, settings));
  }

  async editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    await this.inner.editDestination(service, key, settings);
    this.log.info('server edited', serverFields(service, key, settings));
  }

  async deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void> {
    await this.inner.deleteDestination(service, key);
    await this.interception.settleOrWarn();
    this.log.info('server deleted', { service: serviceName(service), server: endpointName(key) });
  }

  async apply(changes: readonly Change[]): Promise<void> {
    const endpoints = unionOf(changes.map(endpointsOf));
    await this.behind(endpoints, () => this.inner.apply(changes));
    this.log.info('rules changed', countsOf(changes));
    const added = changes.filter(({ change }) => change === 'addService');
    await this.vips.added(added.map(serviceOf));
  }

  async setTimeouts(timeouts: Timeouts): Promise<void> {
    await this.inner.setTimeouts(timeouts);
    this.log.info('timeouts set', { ...timeouts });
  }

  async setSetting(name: string, value: number): Promise<void> {
    await this.inner.setSetting(name, value);
    this.log.info('setting changed', { name, value });
  }

  info = () => this.inner.info();
  counters = () => this.inner.counters();
  services = () => this.inner.services();
  service = (key: ServiceKey) => this.inner.service(key);
  zero = (key?: ServiceKey) => this.inner.zero(key);
  timeouts = () => this.inner.timeouts();
  connections = () => this.inner.connections();
  daemons = () => this.inner.daemons();
  startDaemon = (settings: DaemonSettings) => this.inner.startDaemon(settings);
  stopDaemon = (state: DaemonSettings['state']) => this.inner.stopDaemon(state);
  settings = () => this.inner.settings();
  upgrade = () => this.upgradeSelf();
  snapshot = () => this.look();

  private behind(endpoints: Endpoints, change: () => Promise<void>): Promise<void> {
    return this.interception.changeBehind(endpoints, change);
  }
}

/** What has to be hidden before the change. */
function endpointsOf(change: Change): Endpoints {
  switch (change.change) {
    case 'addService':
    case 'editService':
      return serviceEndpoints(change.key, change.settings);
    case 'addDestination':
      return serverEndpoints(change.service, change.key, change.settings);
    default:
      return { virtual: [], real: [] };
  }
}

function unionOf(all: readonly Endpoints[]): Endpoints {
  return { virtual: all.flatMap((one) => one.virtual), real: all.flatMap((one) => one.real) };
}

function serviceOf(change: Change): ServiceKey {
  return 'service' in change ? change.service : change.key;
}

/** How many changes there are of each kind: "servicesAdded=1 serversEdited=3". */
function countsOf(changes: readonly Change[]): LogFields {
  const counts: Record<string, number> = {};
  for (const { change } of changes) counts[COUNTERS[change]] = (counts[COUNTERS[change]] ?? 0) + 1;
  return counts;
}

function serviceEndpoints(key: ServiceKey, settings: ServiceSettings): Endpoints {
  const address = interceptable(key);
  if (address === undefined) return { virtual: [], real: [] };
  return { virtual: [virtualEndpoint(address, key.port, settings.persistent)], real: [] };
}

function serverEndpoints(
  service: ServiceKey,
  key: DestinationKey,
  settings: DestinationSettings,
): Endpoints {
  const address = ipv4FromText(key.address);
  if (address === undefined || interceptable(service) === undefined)
    return { virtual: [], real: [] };
  if (settings.forwarding !== 'masq') return { virtual: [], real: [] };
  return { virtual: [], real: [realEndpoint(address, key.port, service.port)] };
}

/** The address of a service whose packets can be hidden; others are the virtual server's to refuse. */
function interceptable(key: ServiceKey): number | undefined {
  return key.protocol === 'tcp' && key.fwmark === 0 ? ipv4FromText(key.address) : undefined;
}

function serverFields(
  service: ServiceKey,
  key: DestinationKey,
  { weight }: DestinationSettings,
): LogFields {
  return { service: serviceName(service), server: endpointName(key), weight };
}
