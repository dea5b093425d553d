/**
 * The running director's Control: the virtual server's own, with every change hidden from the kernel before it
 * is made and answered after interception is in line with it, and each change in the log, in ipvsadm's words and
 * with who made it.
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
import type { TraceReport, TraceRequest } from '../control/trace.js';
import { commandText } from '../rules/difference-text.js';
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

  /** @param caller who makes the changes, for the log */
  constructor(
    private readonly options: DirectorControlOptions,
    private readonly caller: LogFields = {},
  ) {
    this.inner = options.inner;
    this.interception = options.interception;
    this.vips = options.vips;
  }

  /** The same for somebody else. */
  by(caller: LogFields): DirectorControl {
    return new DirectorControl(this.options, caller);
  }

  async addService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    await this.behind(serviceEndpoints(key, settings), () => this.inner.addService(key, settings));
    await this.noteChange('service added', { change: 'addService', key, settings });
    await this.vips.added([key]);
  }

  async editService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    await this.behind(serviceEndpoints(key, settings), () => this.inner.editService(key, settings));
    await this.noteChange('service edited', { change: 'editService', key, settings });
  }

  async deleteService(key: ServiceKey): Promise<void> {
    await this.inner.deleteService(key);
    await this.interception.settleOrWarn();
    await this.noteChange('service deleted', { change: 'deleteService', key });
  }

  async flush(): Promise<void> {
    await this.inner.flush();
    await this.interception.settleOrWarn();
    this.note('all services deleted', { command: '-C' });
  }

  async addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    await this.behind(serverEndpoints(service, key, settings), () =>
      this.inner.addDestination(service, key, settings),
    );
    await this.noteChange('server added', { change: 'addDestination', service, key, settings });
  }

  async editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    await this.inner.editDestination(service, key, settings);
    await this.noteChange('server edited', { change: 'editDestination', service, key, settings });
  }

  async deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void> {
    await this.inner.deleteDestination(service, key);
    await this.interception.settleOrWarn();
    await this.noteChange('server deleted', { change: 'deleteDestination', service, key });
  }

  async apply(changes: readonly Change[]): Promise<void> {
    const endpoints = unionOf(changes.map(endpointsOf));
    await this.behind(endpoints, () => this.inner.apply(changes));
    for (const change of changes) this.note('rule', { command: await commandText(change) });
    this.note('rules changed', countsOf(changes));
    const added = changes.filter(({ change }) => change === 'addService');
    await this.vips.added(added.map(serviceOf));
  }

  async setTimeouts(timeouts: Timeouts): Promise<void> {
    await this.inner.setTimeouts(timeouts);
    this.note('timeouts set', { ...timeouts });
  }

  async setSetting(name: string, value: number): Promise<void> {
    await this.inner.setSetting(name, value);
    this.note('setting changed', { name, value });
  }

  async zero(key?: ServiceKey): Promise<void> {
    await (key === undefined ? this.inner.zero() : this.inner.zero(key));
    this.note('counters zeroed', key === undefined ? {} : { service: serviceName(key) });
  }

  async *trace(request: TraceRequest): AsyncGenerator<TraceReport[]> {
    this.note('trace begins', {});
    try {
      yield* this.inner.trace(request);
    } finally {
      this.note('trace ends', {});
    }
  }

  info = () => this.inner.info();
  counters = () => this.inner.counters();
  services = () => this.inner.services();
  service = (key: ServiceKey) => this.inner.service(key);
  timeouts = () => this.inner.timeouts();
  connections = () => this.inner.connections();
  daemons = () => this.inner.daemons();
  startDaemon = (settings: DaemonSettings) => this.inner.startDaemon(settings);
  stopDaemon = (state: DaemonSettings['state']) => this.inner.stopDaemon(state);
  settings = () => this.inner.settings();
  upgrade = () => this.options.upgrade();
  snapshot = () => this.options.snapshot();

  private note(message: string, fields: LogFields): void {
    this.options.log.info(message, { ...fields, ...this.caller });
  }

  private async noteChange(message: string, change: Change): Promise<void> {
    const server = 'service' in change ? { server: endpointName(change.key) } : {};
    const command = await commandText(change);
    this.note(message, { service: serviceName(serviceOf(change)), ...server, command });
  }

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
