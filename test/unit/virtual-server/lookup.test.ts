import assert from 'node:assert/strict';
import { DESTINATION_LAYOUT } from '../../../dataplane/service/destinations.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
} from '../../support/director.js';

const WEB = serviceKey();
const SERVER = destinationKey(2);

describe('looking servers up after the tables were rebuilt', () => {
  let server: VirtualServer;
  let first: number;

  beforeEach(async () => {
    server = testDirector(new Clock());
    await server.addService(WEB, serviceSettings());
    await server.addDestination(WEB, SERVER, destinationSettings());
    await server.addDestination(WEB, destinationKey(3), destinationSettings());
    first = server.state.destinations.find(1, 0x0a020002, 80);
  });

  it('finds those that are there, and deleted ones in the trash', async () => {
    await server.deleteDestination(WEB, SERVER);
    server.rebuild();
    await assert.rejects(server.deleteDestination(WEB, SERVER), { errno: 'ENOENT' });
    await server.addDestination(WEB, SERVER, destinationSettings());
    assert.equal(server.state.destinations.find(1, 0x0a020002, 80), first);
    await server.deleteDestination(WEB, destinationKey(3));
    assert.equal((await server.service(WEB)).destinations.length, 1);
  });

  it('keeps the others where one comes out of the trash', async () => {
    const hosts = [2, 3, 4, 5];
    for (const host of [4, 5]) {
      await server.addDestination(WEB, destinationKey(host), destinationSettings());
    }
    const number = (host: number) => server.state.destinations.find(1, 0x0a020000 + host, 80);
    const numbers = hosts.map(number);
    for (const host of hosts) await server.deleteDestination(WEB, destinationKey(host));
    for (const host of [2, 5, 3]) {
      await server.addDestination(WEB, destinationKey(host), destinationSettings());
    }
    assert.deepEqual(server.state.trash.entries, [numbers[2]]);
    await server.addDestination(WEB, destinationKey(4), destinationSettings());
    assert.deepEqual(hosts.map(number), numbers);
  });

  for (const where of ['in the list', 'in the trash']) {
    it(`finds none that was lost ${where}`, async () => {
      if (where === 'in the trash') await server.deleteDestination(WEB, SERVER);
      // Its mark is gone: the record is damaged.
      server.state.destinations.words[first * DESTINATION_LAYOUT.recordWords] = 0;
      server.rebuild();
      await assert.rejects(server.deleteDestination(WEB, SERVER), { errno: 'ENOENT' });
      await server.addDestination(WEB, SERVER, destinationSettings({ weight: 5 }));
      await server.addDestination(WEB, destinationKey(4), destinationSettings());
      const { destinations } = await server.service(WEB);
      assert.deepEqual(
        destinations.map(({ address, weight }) => [address, weight]),
        [
          ['10.2.0.4', 1],
          ['10.2.0.2', 5],
          ['10.2.0.3', 1],
        ],
      );
      assert.deepEqual(server.state.trash.entries, []);
    });
  }
});
