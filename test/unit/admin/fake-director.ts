/**
 * A director that only keeps what it is told, with ip_vs's checks in ip_vs's order: every family, protocol and
 * forwarding method, which the real one need not have, and whatever counters a test writes into its entries.
 */
import {
  ControlError,
  type Change,
  type ConnectionEntry,
  type Control,
  type Counters,
  type DaemonSettings,
  type DestinationEntry,
  type DestinationKey,
  type DestinationSettings,
  type Errno,
  type Info,
  type ServiceEntry,
  type ServiceKey,
  type ServiceSettings,
  type Statistics,
  type Timeouts,
} from '../../../src/control/api.js';
import type { Snapshot } from '../../../src/control/snapshot.js';
import type { TraceReport } from '../../../src/control/trace.js';
import { makeEach } from '../../support/each-change.js';

const SCHEDULERS = 'none rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos'.split(' ');
const INTERFACE = 'ext';

export const NO_STATISTICS: Statistics = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionsPerSecond: 0,
  inPacketsPerSecond: 0,
  outPacketsPerSecond: 0,
  inBytesPerSecond: 0,
  outBytesPerSecond: 0,
};

function refuse(errno: Errno): never {
  throw new ControlError(errno, `the director says ${errno}`);
}

export class FakeDirector implements Control {
  entries: ServiceEntry[] = [];
  batches: ConnectionEntry[][] = [];
  running: DaemonSettings[] = [];
  zeroed: (ServiceKey | undefined)[] = [];
  /** Refuses to list, add or flush services with this errno. */
  failure: Errno | null = null;
  private timeoutValues: Timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };

  async info(): Promise<Info> {
    return { version: '1.2.1', connectionTableSize: 4096 };
  }

  async services(): Promise<ServiceEntry[]> {
    if (this.failure !== null) refuse(this.failure);
    return this.entries;
  }

  async service(key: ServiceKey): Promise<ServiceEntry> {
    return this.find(key) ?? refuse('ESRCH');
  }

  async addService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    if (this.failure !== null) refuse(this.failure);
    if (this.find(key) !== undefined) refuse('EEXIST');
    checkSettings(settings);
    this.entries.unshift({ ...key, ...settings, statistics: NO_STATISTICS, destinations: [] });
  }

  async editService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    const entry = await this.service(key);
    checkSettings(settings);
    Object.assign(entry, settings);
  }

  async deleteService(key: ServiceKey): Promise<void> {
    this.entries.splice(this.entries.indexOf(await this.service(key)), 1);
  }

  async flush(): Promise<void> {
    if (this.failure !== null) refuse(this.failure);
    this.entries = [];
  }

  async addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    const { destinations } = await this.service(service);
    checkThresholds(settings);
    if (findServer(destinations, key) !== undefined) refuse('EEXIST');
    if (/^(0\.0\.0\.0|2(2[4-9]|3\d)\.|255\.|ff|::$)/.test(key.address)) refuse('EINVAL');
    destinations.unshift({
      ...key,
      ...settings,
      activeConnections: 0,
      inactiveConnections: 0,
      persistentConnections: 0,
      statistics: NO_STATISTICS,
    });
  }

  async editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    const { destinations } = await this.service(service);
    checkThresholds(settings);
    Object.assign(findServer(destinations, key) ?? refuse('ENOENT'), settings);
  }

  async deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void> {
    const { destinations } = await this.service(service);
    const entry = findServer(destinations, key) ?? refuse('ENOENT');
    destinations.splice(destinations.indexOf(entry), 1);
  }

  apply(changes: readonly Change[]): Promise<void> {
    return makeEach(this, changes);
  }

  async zero(key?: ServiceKey): Promise<void> {
    if (key !== undefined) await this.service(key);
    this.zeroed.push(key);
  }

  async timeouts(): Promise<Timeouts> {
    return this.timeoutValues;
  }

  async setTimeouts({ tcpSeconds, tcpFinSeconds, udpSeconds }: Timeouts): Promise<void> {
    const before = this.timeoutValues;
    this.timeoutValues = {
      tcpSeconds: tcpSeconds || before.tcpSeconds,
      tcpFinSeconds: tcpFinSeconds || before.tcpFinSeconds,
      udpSeconds: udpSeconds || before.udpSeconds,
    };
  }

  async *connections(): AsyncGenerator<ConnectionEntry[]> {
    yield* this.batches;
  }

  async daemons(): Promise<DaemonSettings[]> {
    return this.running;
  }

  async startDaemon(settings: DaemonSettings): Promise<void> {
    if (settings.interface !== INTERFACE) refuse('ENODEV');
    if (this.running.some(({ state }) => state === settings.state)) refuse('EEXIST');
    const isIPv6 = settings.group.includes(':');
    const maxLength = settings.maxLength || (isIPv6 ? 1452 : 1472);
    this.running.push({
      ...settings,
      maxLength: settings.state === 'backup' ? Math.max(1024, maxLength) : maxLength,
      group: settings.group || '224.0.0.81',
      port: settings.port || 8848,
      ttl: settings.ttl || 1,
    });
  }

  async snapshot(): Promise<Snapshot> {
    throw new ControlError('EOPNOTSUPP', 'no snapshot');
  }

  trace(): AsyncIterable<TraceReport[]> {
    throw new ControlError('EOPNOTSUPP', 'no packets');
  }

  async upgrade(): Promise<{ version: string }> {
    throw new ControlError('EOPNOTSUPP', 'no process');
  }

  async stopDaemon(state: 'master' | 'backup'): Promise<void> {
    if (!this.running.some((daemon) => daemon.state === state)) refuse('ESRCH');
    this.running = this.running.filter((daemon) => daemon.state !== state);
  }

  async counters(): Promise<Counters> {
    return refuse('EOPNOTSUPP');
  }

  async settings(): Promise<Record<string, number>> {
    return {};
  }

  async setSetting(): Promise<void> {
    refuse('ENOENT');
  }

  private find(key: ServiceKey): ServiceEntry | undefined {
    return this.entries.find(
      (entry) =>
        entry.family === key.family &&
        entry.fwmark === key.fwmark &&
        (key.fwmark !== 0 ||
          (entry.protocol === key.protocol &&
            entry.address === key.address &&
            entry.port === key.port)),
    );
  }
}

function checkSettings({ scheduler, persistenceEngine }: ServiceSettings): void {
  if (!SCHEDULERS.includes(scheduler)) refuse('ENOENT');
  if (persistenceEngine !== '' && persistenceEngine !== 'sip') refuse('ENOENT');
}

function checkThresholds({ upperThreshold, lowerThreshold }: DestinationSettings): void {
  if (lowerThreshold > upperThreshold) refuse('ERANGE');
}

function findServer(
  destinations: DestinationEntry[],
  key: DestinationKey,
): DestinationEntry | undefined {
  return destinations.find(
    (entry) =>
      entry.family === key.family && entry.address === key.address && entry.port === key.port,
  );
}
