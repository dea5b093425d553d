import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { ServiceEntry } from '../../../src/control/api.js';
import { connect } from '../../../src/control/client.js';
import { batchesOf, ENTRIES_PER_BATCH, joinBatch } from '../../../src/control/pieces.js';
import { serveControl } from '../../../src/control/server.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
} from '../../support/director.js';
import { temporaryFolder } from '../driver/capture-files.js';

const CONNECTIONS = 1_000_000;
const SERVERS = 10_000;
/** What is listed in a millisecond or two. */
const ENTRIES_PER_TURN = 1000;

/** Counts the event loop's turns while `work` runs. */
async function countTurns<T>(work: () => Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    return { result: await work(), turns };
  } finally {
    isOver = true;
  }
}

describe('a listing', () => {
  const folder = temporaryFolder();

  /** Calls the director as a command does: through a socket. */
  async function throughSocket<T>(
    control: VirtualServer,
    call: (remote: Awaited<ReturnType<typeof connect>>) => Promise<T>,
  ): Promise<T> {
    const server = await serveControl({ path: folder.path('control.sock'), control });
    const remote = await connect(server.path);
    try {
      return await call(remote);
    } finally {
      remote.close();
      await server.close();
    }
  }

  describe('of a million connections', () => {
    let director: VirtualServer;

    before(async () => {
      director = testDirector(new Clock(), {
        capacity: { connections: CONNECTIONS, services: 4, destinations: 4 },
      });
      await director.addService(serviceKey(), serviceSettings());
      await director.addDestination(serviceKey(), destinationKey(2), destinationSettings());
      const server = director.state.services.first(1);
      const { lifecycle } = director.engine;
      for (let i = 0; i < CONNECTIONS; i++) {
        lifecycle.create(6, 0x0b000000 + (i >> 4), 1024 + (i & 15), 1, 80, server, 80, false);
      }
      assert.equal(director.state.connections.count, CONNECTIONS);
    });

    it('comes in small batches, none of them kept', async () => {
      let count = 0;
      for await (const batch of director.connections()) {
        assert.ok(batch.length <= ENTRIES_PER_TURN);
        count += batch.length;
      }
      assert.equal(count, CONNECTIONS);
    });

    it('lets packets have their turn a thousand times', async () => {
      const { turns, result } = await countTurns(() =>
        throughSocket(director, async (remote) => {
          let count = 0;
          for await (const batch of remote.connections()) count += batch.length;
          return count;
        }),
      );
      assert.equal(result, CONNECTIONS);
      assert.ok(turns >= CONNECTIONS / ENTRIES_PER_TURN, `${turns} turns`);
    });

    it('stops where the reader stops', async () => {
      let looked = 0;
      const { connections } = director.state;
      const isLive = connections.isLive.bind(connections);
      connections.isLive = (connection) => {
        looked += 1;
        return isLive(connection);
      };
      try {
        for await (const batch of director.connections()) if (batch.length > 0) break;
      } finally {
        connections.isLive = isLive;
      }
      assert.equal(looked, ENTRIES_PER_TURN);
    });

    it('lets packets have their turn, too, where the table is nearly empty', async () => {
      const { words } = director.state.connections;
      for (let c = 1; c < CONNECTIONS; c++) words[c * 16] = 0;
      let batches = 0;
      let count = 0;
      for await (const batch of director.connections()) {
        batches += 1;
        count += batch.length;
      }
      assert.equal(count, 1);
      assert.ok(batches >= 50, `${batches} batches`);
    });
  });

  describe('of ten thousand servers', () => {
    let director: VirtualServer;

    before(async () => {
      director = testDirector(new Clock(), {
        capacity: { connections: 16, services: 8, destinations: SERVERS + 8 },
      });
      await director.addService(serviceKey(), serviceSettings());
      for (let i = 0; i < SERVERS; i++) {
        const key = { family: 'inet' as const, address: '10.2.0.2', port: i + 1 };
        await director.addDestination(serviceKey(), key, destinationSettings());
      }
      await director.addService(serviceKey(81), serviceSettings());
    });

    it('lets packets have their turn, and comes out whole', async () => {
      for (const call of ['services', 'service'] as const) {
        const { turns, result } = await countTurns(() =>
          throughSocket(director, async (remote) =>
            call === 'services' ? remote.services() : [await remote.service(serviceKey())],
          ),
        );
        assert.ok(turns >= SERVERS / ENTRIES_PER_BATCH, `${turns} turns`);
        const whole =
          call === 'services' ? director.services() : [await director.service(serviceKey())];
        assert.deepEqual(result, await whole);
        assert.equal(result[0].destinations.length, SERVERS);
      }
    });

    it('doesn’t trip over a change that is made meanwhile', async () => {
      const listing = director.services();
      const first = { family: 'inet' as const, address: '10.2.0.2', port: 1 };
      await director.deleteDestination(serviceKey(), first);
      const [service] = await listing;
      assert.equal(service.destinations.length, SERVERS - 1);
      assert.ok(service.destinations.every(({ port }) => port !== 1));
      const again = director.services();
      await director.flush();
      // What was listed before the flush was there.
      assert.ok((await again).length <= 1);
    });
  });

  it('in pieces is put together as it was, however services and servers are spread', async () => {
    const director = testDirector(new Clock());
    for (let port = 1; port <= 3; port++)
      await director.addService(serviceKey(port), serviceSettings());
    await director.addDestination(serviceKey(2), destinationKey(2), destinationSettings());
    const [empty, full] = (await director.services()).map((service) => structuredClone(service));
    const [destination] = [empty, full].flatMap(({ destinations }) => destinations);
    for (const counts of [[], [0], [0, 0], [254], [255], [256], [257], [255, 0, 1], [0, 1000, 3]]) {
      const services = counts.map((count, i) => ({
        ...empty,
        port: i + 1,
        destinations: Array.from({ length: count }, (_, port) => ({ ...destination, port })),
      }));
      const joined: ServiceEntry[] = [];
      for (const batch of batchesOf(services)) {
        const entries = batch.reduce((sum, piece) => sum + 1 + piece.destinations.length, 0);
        assert.ok(entries <= ENTRIES_PER_BATCH + 1, `${entries} entries`);
        joinBatch(joined, structuredClone(batch));
      }
      assert.deepEqual(joined, services);
    }
  });
});
