/**
 * What a director knows of services and servers, as simply as can be: what requests must have come to, and which
 * of them must have been refused, and why.
 */
import { SETTINGS } from '../../dataplane/settings.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import type {
  Change,
  DestinationKey,
  DestinationSettings,
  Errno,
  ServiceEntry,
  ServiceKey,
  ServiceSettings,
} from '../../src/control/api.js';
import { ipv4FromText, ipv4ToText } from '../../src/control/ipv4.js';

const SCHEDULER_FLAGS = 0x38;
const INT32_MAX = 0x7fffffff;
const TIMEOUT_MAX_SECONDS = 31 * 24 * 60 * 60;

type Server = DestinationKey &
  Pick<DestinationSettings, 'weight' | 'upperThreshold' | 'lowerThreshold'>;
interface Service {
  key: ServiceKey;
  settings: ServiceSettings;
  /** Newest first. */
  servers: Server[];
}

export class Model {
  private services: Service[] = [];

  /** What a director that was told the same has: a line for each service, in alphabetical order. */
  listing(): string {
    return sorted(
      this.services.map(({ key, settings, servers }) => lineOf({ ...key, ...settings }, servers)),
    );
  }

  /** Carries out a call of the director's. @returns the refusal there must be, null where there is none */
  call(method: string, args: readonly unknown[]): Errno | null {
    switch (method) {
      case 'apply':
        return this.apply(args[0] as Change[]);
      case 'flush':
        this.services = [];
        return null;
      case 'zero':
        return args[0] === undefined || this.find(args[0] as ServiceKey) ? null : 'ESRCH';
      case 'service':
        return this.find(args[0] as ServiceKey) ? null : 'ESRCH';
      case 'setTimeouts': {
        const seconds = Object.values(args[0] as Record<string, number>);
        return seconds.every((value) => value <= TIMEOUT_MAX_SECONDS) ? null : 'EINVAL';
      }
      case 'setSetting':
        return settingRefusal(args[0] as string, args[1] as number);
      case 'startDaemon':
      case 'upgrade':
        return 'EOPNOTSUPP';
      case 'stopDaemon':
        return 'ESRCH';
      default:
        return isChange(method) ? this.change(changeOf(method, args)) : null;
    }
  }

  private apply(changes: readonly Change[]): Errno | null {
    const before = structuredClone(this.services);
    for (const change of changes) {
      const refusal = this.change(change);
      if (refusal === null) continue;
      this.services = before;
      return refusal;
    }
    return null;
  }

  private change(change: Change): Errno | null {
    if ('service' in change) return this.changeServer(change);
    const refusal =
      change.change === 'deleteService' ? null : refusalOf(change.key, change.settings);
    if (refusal !== null) return refusal;
    const service = this.find(change.key);
    if (change.change === 'addService' && service !== undefined) return 'EEXIST';
    if (change.change !== 'addService' && service === undefined) return 'ESRCH';
    if (change.change === 'deleteService') {
      this.services = this.services.filter((other) => other !== service);
      return null;
    }
    const settings = kept(change.settings);
    if (typeof settings === 'string') return settings;
    if (service === undefined) this.services.push({ key: change.key, settings, servers: [] });
    else service.settings = settings;
    return null;
  }

  private changeServer(change: Extract<Change, { service: ServiceKey }>): Errno | null {
    const service = this.find(change.service);
    if (service === undefined) return 'ESRCH';
    const { key } = change;
    const server = service.servers.find(
      ({ address, port }) => address === key.address && port === key.port,
    );
    if (change.change === 'deleteDestination') {
      if (server === undefined) return 'ENOENT';
      service.servers = service.servers.filter((other) => other !== server);
      return null;
    }
    const { weight, upperThreshold, lowerThreshold, forwarding } = change.settings;
    if (weight < 0 || lowerThreshold > upperThreshold || upperThreshold > INT32_MAX)
      return 'ERANGE';
    if (key.family !== 'inet' || forwarding !== 'masq') return 'EOPNOTSUPP';
    if (change.change === 'editDestination') {
      if (server === undefined) return 'ENOENT';
      Object.assign(server, { weight, upperThreshold, lowerThreshold });
      return null;
    }
    if (server !== undefined) return 'EEXIST';
    const first = Number(key.address.split('.')[0]);
    if (first === 0 || first >= 224) return 'EINVAL';
    service.servers.unshift({ ...key, weight, upperThreshold, lowerThreshold });
    return null;
  }

  private find({ family, protocol, address, port, fwmark }: ServiceKey): Service | undefined {
    if (family !== 'inet' || protocol !== 'tcp' || fwmark !== 0) return undefined;
    return this.services.find(({ key }) => key.address === address && key.port === port);
  }
}

/** A director's listing in the form of `Model.listing`. */
export function comparableListing(entries: readonly ServiceEntry[]): string {
  return sorted(entries.map((service) => lineOf(service, service.destinations)));
}

function sorted(lines: string[]): string {
  return lines.sort().join('\n');
}

function lineOf(service: ServiceKey & ServiceSettings, servers: readonly Server[]): string {
  const { address, port, scheduler, schedulerFlags, persistent, timeoutSeconds, netmask } = service;
  const settings = [scheduler, schedulerFlags, persistent, timeoutSeconds, netmask];
  const texts = servers.map(
    (server) =>
      `${server.address}:${server.port} ${server.weight} ${server.upperThreshold} ${server.lowerThreshold}`,
  );
  return `${address}:${port} ${settings.join(' ')}: ${texts.join(', ')}`;
}

function settingRefusal(name: string, value: number): Errno | null {
  if (!Object.hasOwn(SETTINGS, name)) return 'ENOENT';
  const { min, max } = SETTINGS[name as keyof typeof SETTINGS];
  return value < min || value > max ? 'EINVAL' : null;
}

function refusalOf(
  { family, protocol, fwmark }: ServiceKey,
  settings: ServiceSettings,
): Errno | null {
  if (fwmark !== 0 || family !== 'inet' || protocol !== 'tcp') return 'EOPNOTSUPP';
  if (settings.onePacket) return 'EOPNOTSUPP';
  return settings.persistenceEngine === '' ? null : 'ENOENT';
}

/** The settings as they are kept, or the refusal of settings that can't be. */
function kept(settings: ServiceSettings): ServiceSettings | Errno {
  const { scheduler, persistent, timeoutSeconds } = settings;
  if (scheduler !== 'none' && !SCHEDULERS.some(({ name }) => name === scheduler)) return 'ENOENT';
  const netmask = ipv4FromText(settings.netmask);
  if (netmask === undefined) return 'EINVAL';
  if (persistent && timeoutSeconds > TIMEOUT_MAX_SECONDS) return 'EINVAL';
  return {
    ...settings,
    netmask: ipv4ToText(netmask),
    schedulerFlags: settings.schedulerFlags & SCHEDULER_FLAGS,
    timeoutSeconds: persistent ? timeoutSeconds : 0,
  };
}

const CHANGES = [
  'addService',
  'editService',
  'deleteService',
  'addDestination',
  'editDestination',
  'deleteDestination',
] as const;

function isChange(method: string): method is (typeof CHANGES)[number] {
  return (CHANGES as readonly string[]).includes(method);
}

/** A call as the change that `apply` would be given. */
function changeOf(method: (typeof CHANGES)[number], args: readonly unknown[]): Change {
  const names = method.endsWith('Service') ? ['key', 'settings'] : ['service', 'key', 'settings'];
  const parts = args.map((argument, i) => [names[i], argument]);
  return { change: method, ...Object.fromEntries(parts) } as Change;
}
