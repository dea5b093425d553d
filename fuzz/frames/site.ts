/**
 * A director in the network of the recordings (src/tools/replay/network.ts), with services of every kind, on
 * tables that can be put back to where they were. All of it small, so that tables run full and chains get long.
 */
import {
  allocateMemory,
  heapMemory,
  type StateMemory,
  type TableName,
} from '../../dataplane/state.js';
import type { ServiceKey, ServiceSettings } from '../../src/control/api.js';
import { SETTING_NAMES, SETTINGS } from '../../dataplane/settings.js';
import { layNetwork } from '../../src/tools/replay/network.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { destinationSettings, serviceKey, serviceSettings } from '../../test/support/director.js';

export const CAPACITY = { connections: 96, services: 12, destinations: 24 };
const HASH_KEY = [0x5eed, 0x0dd] as const;
/** Longer than fragments wait, and than the trash keeps a server that nothing refers to. */
const PAUSE_TICKS = 20_000;
const BUDGET = 100_000;

/** Not mh: to fill its slots takes longer than all the rest, each time the tables are put back. Sessions may ask for it. */
export const SERVICES: [ServiceKey, Partial<ServiceSettings>, number[]][] = [
  [serviceKey(80, '10.1.0.100'), { scheduler: 'rr' }, [2, 3, 4]],
  [
    serviceKey(443, '10.1.0.100'),
    { scheduler: 'wlc', persistent: true, timeoutSeconds: 60 },
    [2, 3],
  ],
  [
    serviceKey(21, '10.1.0.100'),
    { scheduler: 'wrr', persistent: true, timeoutSeconds: 300 },
    [4, 5],
  ],
  [serviceKey(0, '10.1.0.101'), { scheduler: 'sh', persistent: true, timeoutSeconds: 10 }, [2, 5]],
  [serviceKey(8080, '10.1.0.101'), { scheduler: 'dh' }, [2, 3, 9]],
  [serviceKey(8081, '10.1.0.101'), { scheduler: 'lblcr' }, [2, 6]],
];

export class Site {
  readonly server: VirtualServer;
  readonly memory: StateMemory;
  private kept: Uint8Array[] = [];
  private networkChanged = false;

  /** Its services are set up by `setUp`. */
  constructor(readonly clock: { ticks: number }) {
    this.memory = allocateMemory(CAPACITY, heapMemory);
    this.server = new VirtualServer({
      hashKey: HASH_KEY,
      clock: () => clock.ticks,
      capacity: CAPACITY,
      memory: this.memory,
    });
    layNetwork(this.server.routes, undefined);
  }

  async setUp(): Promise<void> {
    for (const [key, settings, hosts] of SERVICES) {
      await this.server.addService(key, serviceSettings(settings));
      for (const host of hosts) {
        const destination = { family: 'inet', address: `10.2.0.${host}`, port: 8080 } as const;
        const upperThreshold = host === 3 ? 4 : 0;
        await this.server.addDestination(key, destination, destinationSettings({ upperThreshold }));
      }
    }
    this.kept = this.save();
  }

  /** Everything as after `setUp`, some minutes later. */
  restore(): void {
    const { server, clock } = this;
    this.load(this.kept);
    for (const name of SETTING_NAMES) server.state.settings.set(name, SETTINGS[name].default);
    server.engine.defence.update();
    this.takeOver();
    if (this.networkChanged) layNetwork(server.routes, undefined);
    this.networkChanged = false;
    while (server.advance(clock.ticks, BUDGET));
  }

  /** Has the director begin with what is in the tables, as after a restart. */
  takeOver(): void {
    const { state } = this.server;
    state.keptSettings.load(state.settings);
    // Records that the tables have never seen may be in the wheel.
    state.wheel.clear(CAPACITY.connections);
    this.server.rebuild();
  }

  /** Copies of the tables' bytes, to be put back by `load`. */
  save(): Uint8Array[] {
    return this.tables().map((table) => table.slice());
  }

  load(tables: readonly Uint8Array[]): void {
    for (const [i, table] of this.tables().entries()) table.set(tables[i]);
  }

  words(table: TableName): Int32Array {
    return new Int32Array(this.memory[table].buffer);
  }

  /** Something about routes and neighbours that can change while a director runs. */
  changeNetwork(what: number): void {
    const { routes } = this.server;
    this.networkChanged = true;
    switch (what % 4) {
      case 0:
        return void routes.setNeighbour(1, 0x0a020002 + (what >> 2), null);
      case 1:
        return layNetwork(routes, { ext: 1500, int: 576 });
      case 2:
        return routes.setPort(1, { ...routes.ports[1], up: false });
      default:
        return layNetwork(routes, { ext: 296, int: 1500 });
    }
  }

  private tables(): Uint8Array[] {
    return Object.values(this.memory).map(({ buffer }) => new Uint8Array(buffer));
  }
}

/** Lets the time between two sessions pass. */
export function pause(clock: { ticks: number }): void {
  clock.ticks = (clock.ticks + PAUSE_TICKS) | 0;
}
