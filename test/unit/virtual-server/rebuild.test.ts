import assert from 'node:assert/strict';
import { ticksUntil } from '../../../dataplane/clock.js';
import * as rec from '../../../dataplane/conn/record.js';
import { CHAIN_MAX } from '../../../dataplane/conn/table.js';
import { VALID } from '../../../dataplane/memory/region.js';
import { VirtualServer, type Damage } from '../../../src/virtual-server/virtual-server.js';
import { checkInvariants } from '../../../sim/invariants.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  OUTER,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from '../../support/director.js';
import { address, tcpFrame } from '../../support/frames.js';

const CONNECTION_WORDS = rec.CONNECTION_LAYOUT.recordWords;
const RECORD_WORDS = 32;
const NO_DAMAGE: Damage = {
  services: 0,
  destinations: 0,
  connections: 0,
  counters: 0,
  settings: 0,
};

/** A director with two services, the second one persistent, three servers each, and a client at each. */
async function director(clock = new Clock()): Promise<VirtualServer> {
  const server = testDirector(clock);
  for (const port of [80, 81]) {
    const persistent = port === 81;
    const settings = serviceSettings({ persistent, timeoutSeconds: persistent ? 60 : 0 });
    await server.addService(serviceKey(port), settings);
    for (const host of [11, 12, 13]) {
      await server.addDestination(serviceKey(port), destinationKey(host), destinationSettings());
    }
    connect(server, clock, port, 4000);
  }
  return server;
}

function connect(server: VirtualServer, clock: Clock, port: number, clientPort: number): void {
  const frame = tcpFrame({
    source: '10.1.0.2',
    sourcePort: clientPort,
    destination: VIP,
    destinationPort: port,
    flags: 0x02,
  });
  server.engine.process(frame, 0, frame.length, OUTER, 0, clock.ticks);
}

/** Rebuilds, after which all must hold that holds at any time. */
function rebuilt(server: VirtualServer): Damage {
  const damage = server.rebuild();
  checkInvariants(server.state);
  return damage;
}

/** The first connection (1), the template (2) and its connection (3) of `director`. */
function word(connection: number, index: number): number {
  return connection * CONNECTION_WORDS + index;
}

describe('tables that are taken over', () => {
  it('are whole where nothing was damaged', async () => {
    const server = await director();
    assert.deepEqual(rebuilt(server), NO_DAMAGE);
    assert.equal(server.state.connections.count, 3);
  });

  const CONNECTION_DAMAGE: Record<string, [index: number, value: number]> = {
    'to a server beyond the table': [rec.W_SERVER, 100_000],
    'to a negative server': [rec.W_SERVER, -3],
    'to a server that was never there': [rec.W_SERVER, 7],
    'to another server than its address says': [rec.W_SERVER, 2],
    'to another VIP than its server is of': [rec.W_VIRTUAL, 1],
    'in a state that there is none of': [rec.W_META, (80 << 16) | (6 << 8) | 11],
    'of another protocol': [rec.W_META, (80 << 16) | (17 << 8) | 3],
    'with a flag that there is none of': [rec.W_FLAGS, 0x4000],
    'with a timeout of years': [rec.W_TIMEOUT, 0x7fffffff],
    'with a negative timeout': [rec.W_TIMEOUT, -1],
    'with half a mark': [rec.W_MARK, VALID & 0xffff],
  };
  for (const [what, [index, value]] of Object.entries(CONNECTION_DAMAGE)) {
    it(`leave out a connection ${what}`, async () => {
      const server = await director();
      server.state.connections.words[word(1, index)] = value;
      assert.deepEqual(rebuilt(server), { ...NO_DAMAGE, connections: 1 });
      assert.equal(server.state.connections.count, 2);
    });
  }

  it('let a connection be on its own whose template is none', async () => {
    for (const template of [1, 3, 4000, -1, 100_000]) {
      const server = await director();
      const { words } = server.state.connections;
      words[word(3, rec.W_CONTROLLER)] = template;
      assert.deepEqual(rebuilt(server), NO_DAMAGE);
      assert.equal(words[word(3, rec.W_CONTROLLER)], 0);
    }
  });

  it('have no connection end later than its timeout says', async () => {
    const clock = new Clock();
    const server = await director(clock);
    const { words } = server.state.connections;
    words[word(1, rec.W_DEADLINE)] = clock.ticks + 0x7ffffff0;
    assert.deepEqual(rebuilt(server), NO_DAMAGE);
    const left = ticksUntil(words[word(1, rec.W_DEADLINE)], clock.ticks);
    assert.equal(left, words[word(1, rec.W_TIMEOUT)]);
  });

  it('count a connection as its state says, whatever its flag says', async () => {
    const server = await director();
    server.state.connections.words[word(1, rec.W_FLAGS)] ^= rec.F_INACTIVE;
    assert.deepEqual(rebuilt(server), NO_DAMAGE);
  });

  it('hold no more connections of one client address and port than are ever made', async () => {
    const server = await director();
    const { connections } = server.state;
    const base = word(1, 0);
    for (let c = 4; c < 4 + CHAIN_MAX; c++) {
      connections.words.copyWithin(word(c, 0), base, base + CONNECTION_WORDS);
    }
    // The header's high-water mark.
    connections.words[5] = 3 + CHAIN_MAX;
    const { connections: damaged } = rebuilt(server);
    assert.ok(damaged > 0);
    assert.ok(connections.count <= CHAIN_MAX + 2);
  });

  const SERVICE_DAMAGE: Record<string, [index: number, value: number]> = {
    'of another protocol': [2, (17 << 16) | 80],
    'with a mark': [3, 1],
    'with a flag that there is none of': [4, 0x40],
    'with a timeout of years': [5, 0x7fffffff],
    'with a scheduler that there is none of': [7, 1000],
    'with a negative scheduler': [7, -1],
  };
  for (const [what, [index, value]] of Object.entries(SERVICE_DAMAGE)) {
    it(`leave out a service ${what}; its servers count as deleted`, async () => {
      const server = await director();
      server.state.services.words[RECORD_WORDS + index] = value;
      assert.deepEqual(rebuilt(server), { ...NO_DAMAGE, services: 1 });
      assert.equal(server.state.services.count, 1);
      assert.equal(server.state.trash.entries.length, 3);
      // So that they are found again with their connections, once the service is there again.
      await server.addService(serviceKey(80), serviceSettings());
      for (const host of [11, 12, 13]) {
        await server.addDestination(serviceKey(80), destinationKey(host), destinationSettings());
      }
      const { destinations } = await server.service(serviceKey(80));
      const connections = destinations.map((d) => d.activeConnections + d.inactiveConnections);
      assert.equal(Math.max(...connections), 1);
    });
  }

  it('have one service of an address and port', async () => {
    const server = await director();
    const { words } = server.state.services;
    words[2 * RECORD_WORDS + 2] = words[RECORD_WORDS + 2];
    assert.equal(rebuilt(server).services, 1);
  });

  const DESTINATION_DAMAGE: Record<string, [index: number, value: number]> = {
    'of no service': [1, 0],
    'of a service beyond the table': [1, 65],
    'with a port beyond the last': [4, 65_536],
    'with a negative weight': [5, -1],
    'that is not masqueraded': [7, 3],
    'with a negative threshold': [8, -1],
    'with thresholds in the wrong order': [9, 1],
    'with a flag that there is none of': [10, 0x11],
    'of another protocol': [18, (17 << 16) | 80],
  };
  for (const [what, [index, value]] of Object.entries(DESTINATION_DAMAGE)) {
    it(`leave out a server ${what}, with its connections`, async () => {
      const server = await director();
      const { connections, destinations } = server.state;
      const used = connections.words[word(1, rec.W_SERVER)];
      destinations.words[used * RECORD_WORDS + index] = value;
      assert.deepEqual(rebuilt(server), { ...NO_DAMAGE, destinations: 1, connections: 1 });
      assert.equal((await server.service(serviceKey(80))).destinations.length, 2);
    });
  }

  it('list servers newest first, whatever their links say', async () => {
    const server = await director();
    const { destinations, services } = server.state;
    for (let d = 1; d <= 3; d++) destinations.words[d * RECORD_WORDS + 15] = 1 + (d % 3);
    for (let d = 1; d <= 3; d++) destinations.words[d * RECORD_WORDS + 16] = 900;
    services.setFirst(1, 5);
    services.addToDestinationCount(1, 100);
    assert.deepEqual(rebuilt(server), NO_DAMAGE);
    const listed = (await server.service(serviceKey(80))).destinations.map((d) => d.address);
    assert.deepEqual(listed, ['10.2.0.13', '10.2.0.12', '10.2.0.11']);
  });

  it('keep the order of servers that were deleted and added again', async () => {
    const server = await director();
    await server.deleteDestination(serviceKey(80), destinationKey(11));
    await server.addDestination(serviceKey(80), destinationKey(11), destinationSettings());
    const before = (await server.service(serviceKey(80))).destinations.map((d) => d.address);
    assert.deepEqual(rebuilt(server), NO_DAMAGE);
    const after = (await server.service(serviceKey(80))).destinations.map((d) => d.address);
    assert.deepEqual(after, before);
    assert.equal(after[0], '10.2.0.11');
  });

  it('have one server of an address and port in a service', async () => {
    const server = await director();
    server.state.destinations.words[2 * RECORD_WORDS + 3] = address('10.2.0.11');
    rebuilt(server);
    assert.equal((await server.service(serviceKey(80))).destinations.length, 2);
  });

  for (const scheduler of ['rr', 'wrr']) {
    it(`let ${scheduler} begin anew where it pointed at another service's server`, async () => {
      const clock = new Clock();
      const server = await director(clock);
      await server.editService(serviceKey(80), serviceSettings({ scheduler }));
      for (const pointer of [4, 900, -1, 0x7fffffff]) {
        for (let index = 0; index < 4; index++)
          server.state.services.setSchedulerWord(1, index, pointer);
        assert.deepEqual(rebuilt(server), NO_DAMAGE);
        const chosen = server.state.schedulers[1]?.pick(0, 0, 0, 0) ?? 0;
        assert.equal(server.state.destinations.service(chosen), 1);
      }
    });
  }

  it('free a server of an overload that its connections are too few for', async () => {
    const server = await director();
    server.state.destinations.words[RECORD_WORDS + 10] |= 2;
    assert.deepEqual(rebuilt(server), NO_DAMAGE);
    assert.ok(!server.state.destinations.isOverloaded(1));
  });

  it('count anew where a counter holds no count, and have default timeouts for wrong ones', async () => {
    const server = await director();
    const { drops, timeouts, keptSettings, statistics } = server.state;
    drops.counts[3] = Number.NaN;
    drops.counts[4] = -1;
    timeouts[1] = -5;
    keptSettings.udpTimeoutSeconds = 0x7fffffff;
    statistics.countIn(1, 1, Number.POSITIVE_INFINITY);
    assert.deepEqual(rebuilt(server), { ...NO_DAMAGE, counters: 3, settings: 2 });
    assert.equal((await server.timeouts()).tcpSeconds, 900);
    assert.equal((await server.timeouts()).udpSeconds, 300);
    assert.equal(drops.counts[3], 0);
  });
});
