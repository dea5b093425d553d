import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { allocateMemory, heapMemory } from '../../../dataplane/state.js';
import type { Change, DestinationEntry } from '../../../src/control/api.js';
import type { Endpoints } from '../../../src/virtual-server/endpoints.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
} from '../../support/director.js';

const WEB = serviceKey(80);
const TLS = serviceKey(443);

function addServer(host: number, weight = 1, service = WEB): Change {
  const settings = destinationSettings({ weight });
  return { change: 'addDestination', service, key: destinationKey(host), settings };
}

function deleteServer(host: number, service = WEB): Change {
  return { change: 'deleteDestination', service, key: destinationKey(host) };
}

function addService(key = WEB): Change {
  return { change: 'addService', key, settings: serviceSettings() };
}

const shortly = ({ address, weight }: DestinationEntry): string => `${address} ${weight}`;

describe('several changes made together', () => {
  let clock: Clock;
  let server: VirtualServer;
  let told: (Endpoints | 'all')[];

  beforeEach(() => {
    clock = new Clock();
    told = [];
    server = testDirector(clock, {
      capacity: { connections: 16, services: 2, destinations: 4 },
      onEndpointsChanged: (touched) => told.push(touched),
    });
  });

  it('makes them in their order and tells of them once', async () => {
    await server.apply([
      addService(),
      addServer(2),
      addServer(3),
      { change: 'editService', key: WEB, settings: serviceSettings({ scheduler: 'wrr' }) },
      {
        change: 'editDestination',
        service: WEB,
        key: destinationKey(2),
        settings: destinationSettings({ weight: 7 }),
      },
      addService(TLS),
      deleteServer(3),
      addServer(4),
    ]);
    const web = await server.service(WEB);
    assert.equal(web.scheduler, 'wrr');
    assert.deepEqual(web.destinations.map(shortly), ['10.2.0.4 1', '10.2.0.2 7']);
    assert.equal((await server.services()).length, 2);
    assert.deepEqual(told, ['all']);
  });

  it('makes none where one is refused, and names it', async () => {
    await server.apply([addService(), addServer(2)]);
    const before = await server.services();
    told = [];
    const refused: [Change[], string, RegExp][] = [
      [
        [addService(TLS), addServer(2, 1, TLS), addServer(2)],
        'EEXIST',
        /^change 3 \(addDestination 10\.2\.0\.2:80 of 10\.1\.0\.100:80\): Destination already exists$/,
      ],
      [
        [deleteServer(2), { change: 'deleteService', key: TLS }],
        'ESRCH',
        /^change 2 \(deleteService 10\.1\.0\.100:443\): No such service$/,
      ],
      [[deleteServer(2), deleteServer(2)], 'ENOENT', /^change 2 \(deleteDestination /],
      [[deleteServer(2), addServer(2, -1)], 'ERANGE', /^change 2 .*weight out of range$/],
      [
        [
          deleteServer(2),
          { change: 'editService', key: WEB, settings: serviceSettings({ scheduler: 'magic' }) },
        ],
        'ENOENT',
        /^change 2 \(editService 10\.1\.0\.100:80\): Scheduler/,
      ],
      [
        [
          {
            ...addService(serviceKey(81)),
            settings: serviceSettings({ netmask: 'wide' }),
          } as Change,
        ],
        'EINVAL',
        /wide/,
      ],
    ];
    for (const [changes, errno, message] of refused) {
      await assert.rejects(server.apply(changes), { name: 'ControlError', errno, message });
      assert.deepEqual(await server.services(), before);
    }
    assert.deepEqual(told, []);
  });

  it('leaves a service whose netmask is none out, also when it is added by itself', async () => {
    await assert.rejects(server.addService(WEB, serviceSettings({ netmask: 'wide' })), {
      errno: 'EINVAL',
    });
    assert.deepEqual(await server.services(), []);
  });

  it('has as much room as there is, counting what was deleted and is still kept', async () => {
    await server.apply([addService(), addServer(2), addServer(3), addServer(4), addServer(5)]);
    const full = { errno: 'ENOMEM', message: /no room for another destination/ };
    // A deleted server keeps its record for its connections' sake; it can have it back, another can't.
    await assert.rejects(server.apply([deleteServer(2), addServer(6)]), full);
    await server.apply([deleteServer(2), addServer(2, 9)]);
    await server.apply([deleteServer(2), deleteServer(3)]);
    await assert.rejects(server.apply([addServer(2), addServer(6)]), full);
    await server.apply([addServer(3), addServer(2)]);
    assert.equal((await server.service(WEB)).destinations.length, 4);

    await assert.rejects(server.apply([addService(TLS), addService(serviceKey(81))]), {
      errno: 'ENOMEM',
      message: /^change 2 .*no room for another service$/,
    });
    await server.apply([addService(TLS), { change: 'deleteService', key: TLS }, addService(TLS)]);

    await server.apply([deleteServer(2), deleteServer(3)]);
    clock.ticks += 400_00;
    for (let minute = 0; minute < 4; minute++) {
      clock.ticks += 60_00;
      settle(server, clock);
    }
    await server.apply([addServer(7), addServer(8)]);
  });

  for (const table of ['destinations', 'statistics', 'journal'] as const) {
    it(`makes none where there is no memory for the ${table}`, async () => {
      const capacity = { connections: 16, services: 2, destinations: 30_000 };
      const tables = allocateMemory(capacity, heapMemory);
      let isFull = false;
      const memory = { ...tables, [table]: { ...tables[table], back: () => !isFull } };
      server = testDirector(clock, { capacity, memory });
      await server.whole(1, () => server.apply([addService(), addServer(2)]));
      const before = await server.services();
      isFull = true;
      const many = Array.from({ length: 20_000 }, (_, i) => {
        const key = { ...destinationKey(9), port: i + 1 };
        const settings = destinationSettings();
        return { change: 'addDestination' as const, service: WEB, key, settings };
      });
      const attempt = server.whole(2, () => server.apply([deleteServer(2), ...many]));
      await assert.rejects(attempt, { errno: 'ENOMEM', message: 'no memory for 20001 changes' });
      assert.deepEqual(await server.services(), before);
    });
  }

  it('gives a server that comes back its connections and counters', async () => {
    await server.apply([addService(), addServer(2)]);
    const { state } = server;
    const destination = state.services.first(1);
    await server.apply([{ change: 'deleteService', key: WEB }, addService(), addServer(2)]);
    assert.equal(state.services.first(1), destination);
  });

  it('takes no changes as nothing to do', async () => {
    await server.apply([]);
    assert.deepEqual(told, []);
  });
});
