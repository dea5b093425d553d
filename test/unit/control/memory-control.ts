/** A director's Control without a director: services in a Map, as many connections as a test asks for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const NO_STATISTICS: Statistics = {
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

export const WEB: ServiceKey = {
  family: 'inet',
  protocol: 'tcp',
  address: '10.1.0.100',
  port: 80,
  fwmark: 0,
};

export const ROUND_ROBIN: ServiceSettings = {
  scheduler: 'rr',
  schedulerFlags: 0,
  persistent: false,
  timeoutSeconds: 0,
  netmask: '255.255.255.255',
  onePacket: false,
  persistenceEngine: '',
};

export const SERVER: DestinationKey = { family: 'inet', address: '10.2.0.1', port: 8080 };

export const MASQ: DestinationSettings = {
  forwarding: 'masq',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
};

export class MemoryControl implements Control {
  readonly entries = new Map<string, ServiceEntry>();
  readonly calls: string[] = [];
  connectionCount = 0;
  connectionsPerBatch = 1000;
  batchesGiven = 0;
  /** Resolves when a listing of connections has reached its end or been left. */
  readonly listingEnded: Promise<void>;
  private endListing!: () => void;
  private timeoutValues: Timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
  private readonly settingValues = new Map([['expire_nodest_conn', 0]]);

  constructor() {
    this.listingEnded = new Promise((resolve) => (this.endListing = resolve));
  }

  async info(): Promise<Info> {
    return { version: '1.2.1', connectionTableSize: 4096 };
  }

  async services(): Promise<ServiceEntry[]> {
    return [...this.entries.values()];
  }

  async service(key: ServiceKey): Promise<ServiceEntry> {
    const entry = this.entries.get(nameOf(key));
    if (entry === undefined) throw new ControlError('ESRCH', 'No such service');
    return entry;
  }

  async addService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    this.calls.push(`addService ${nameOf(key)}`);
    if (this.entries.has(nameOf(key))) {
      throw new ControlError('EEXIST', 'Service already exists');
    }
    this.entries.set(nameOf(key), {
      ...key,
      ...settings,
      statistics: NO_STATISTICS,
      destinations: [],
    });
  }

  async editService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    Object.assign(await this.service(key), settings);
  }

  async deleteService(key: ServiceKey): Promise<void> {
    this.calls.push(`deleteService ${nameOf(key)}`);
    if (!this.entries.delete(nameOf(key))) throw new ControlError('ESRCH', 'No such service');
  }

  async flush(): Promise<void> {
    this.entries.clear();
  }

  async addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    const entry: DestinationEntry = {
      ...key,
      ...settings,
      activeConnections: 0,
      inactiveConnections: 0,
      persistentConnections: 0,
      statistics: NO_STATISTICS,
    };
    (await this.service(service)).destinations.unshift(entry);
  }

  async editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    Object.assign(await this.destination(service, key), settings);
  }

  async deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void> {
    const { destinations } = await this.service(service);
    destinations.splice(destinations.indexOf(await this.destination(service, key)), 1);
  }

  apply(changes: readonly Change[]): Promise<void> {
    return makeEach(this, changes);
  }

  async zero(key?: ServiceKey): Promise<void> {
    this.calls.push(key === undefined ? 'zero' : `zero ${nameOf(key)}`);
  }

  async timeouts(): Promise<Timeouts> {
    return this.timeoutValues;
  }

  async setTimeouts(timeouts: Timeouts): Promise<void> {
    this.timeoutValues = timeouts;
  }

  async *connections(): AsyncGenerator<ConnectionEntry[]> {
    try {
      for (let next = 0; next < this.connectionCount; next += this.connectionsPerBatch) {
        const length = Math.min(this.connectionsPerBatch, this.connectionCount - next);
        this.batchesGiven++;
        yield Array.from({ length }, (_, i) => connectionNumber(next + i));
      }
    } finally {
      this.endListing();
    }
  }

  async daemons(): Promise<DaemonSettings[]> {
    return [];
  }

  async startDaemon(): Promise<void> {
    throw new ControlError('EOPNOTSUPP', 'There is no sync daemon');
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

  async stopDaemon(): Promise<void> {
    throw new ControlError('ESRCH', 'No daemon is running');
  }

  async counters(): Promise<Counters> {
    const nothing = { used: 0, capacity: 0 };
    return {
      drops: { table_full: 7 },
      connections: { used: 3, capacity: 4, halfOpen: 2 },
      services: nothing,
      destinations: nothing,
      parkedFrames: nothing,
      fragmentedPackets: nothing,
      fastPath: null,
      defences: ['drop_entry'],
      interfaces: [],
    };
  }

  async settings(): Promise<Record<string, number>> {
    return Object.fromEntries(this.settingValues);
  }

  async setSetting(name: string, value: number): Promise<void> {
    if (!this.settingValues.has(name)) throw new ControlError('ENOENT', `No setting ${name}`);
    this.settingValues.set(name, value);
  }

  private async destination(service: ServiceKey, key: DestinationKey): Promise<DestinationEntry> {
    const { destinations } = await this.service(service);
    const found = destinations.find((d) => d.address === key.address && d.port === key.port);
    if (found === undefined) throw new ControlError('ENOENT', 'No such destination');
    return found;
  }
}

/** A folder for a test's socket, and how to remove it. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'uvs-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function nameOf(key: ServiceKey): string {
  return key.fwmark === 0 ? `${key.protocol} ${key.address}:${key.port}` : `mark ${key.fwmark}`;
}

function connectionNumber(number: number): ConnectionEntry {
  return {
    protocol: 'TCP',
    family: 'inet',
    clientAddress: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
    clientPort: 1024 + (number % 60_000),
    virtualAddress: '10.1.0.100',
    virtualPort: 80,
    destinationAddress: '10.2.0.1',
    destinationPort: 8080,
    state: 'ESTABLISHED',
    expiresSeconds: number % 900,
  };
}
