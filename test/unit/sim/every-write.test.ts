import assert from 'node:assert/strict';
import { allocateMemory, heapMemory, type StateMemory } from '../../../dataplane/state.js';
import { ACK, FIN, RST, SYN } from '../../../dataplane/wire/tcp.js';
import { dieAtEveryWrite, type Step } from '../../../sim/every-write.js';
import { Violation } from '../../../sim/violation.js';
import type { Change } from '../../../src/control/api.js';
import { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  layNetwork,
  OUTER,
  serviceKey,
  serviceSettings,
  VIP,
} from '../../support/director.js';
import { tcpFrame } from '../../support/frames.js';

const CAPACITY = { connections: 64, services: 8, destinations: 16 };
const PLAIN = serviceKey(80);
const PERSISTENT = serviceKey(443);
/** There are no more hosts than the tests need. */
const LAST_HOST = 14;
const HOUR_TICKS = 360_000;

function segment(client: number, port: number, flags: number): Uint8Array {
  const source = `10.1.0.${client}`;
  return tcpFrame({ source, sourcePort: 4000, destination: VIP, destinationPort: port, flags });
}

function handle(server: VirtualServer, clock: Clock, frame: Uint8Array): void {
  server.engine.process(frame, 0, frame.length, OUTER, 0, clock.ticks);
}

/** Two services with three servers each; on both of them a connection that is open and one that is closing. */
async function populated(clock: Clock): Promise<StateMemory> {
  const memory = allocateMemory(CAPACITY, heapMemory);
  const server = serverOn(memory, clock);
  await server.addService(PLAIN, serviceSettings({ scheduler: 'wrr' }));
  const persistent = { persistent: true, timeoutSeconds: 300 };
  await server.addService(PERSISTENT, serviceSettings({ scheduler: 'wlc', ...persistent }));
  for (const service of [PLAIN, PERSISTENT]) {
    for (const host of [11, 12, 13]) {
      await server.addDestination(service, destinationKey(host, 0), destinationSettings());
    }
    for (const client of [2, 3]) {
      handle(server, clock, segment(client, service.port, SYN));
      handle(server, clock, segment(client, service.port, ACK));
    }
    handle(server, clock, segment(3, service.port, FIN | ACK));
  }
  return memory;
}

function serverOn(memory: StateMemory, clock: Clock): VirtualServer {
  const server = new VirtualServer({
    memory,
    capacity: CAPACITY,
    hashKey: [1, 2],
    clock: clock.read,
  });
  layNetwork(server.routes, LAST_HOST);
  return server;
}

const PACKETS: Record<string, Uint8Array> = {
  'a new connection': segment(9, 80, SYN),
  'a new connection under a new template': segment(9, 443, SYN),
  'a new connection under a template that is there': segment(2, 443, SYN),
  'a segment of a connection': segment(2, 80, ACK),
  'the end of a connection': segment(2, 443, FIN | ACK),
  'a reset': segment(2, 80, RST),
};

const CHANGES: Record<string, Change[]> = {
  'a new service': [{ change: 'addService', key: serviceKey(81), settings: serviceSettings() }],
  'another scheduler': [
    { change: 'editService', key: PLAIN, settings: serviceSettings({ scheduler: 'mh' }) },
  ],
  'a new server': [
    {
      change: 'addDestination',
      service: PLAIN,
      key: destinationKey(14),
      settings: destinationSettings({ weight: 3 }),
    },
  ],
  'another weight': [
    {
      change: 'editDestination',
      service: PLAIN,
      key: destinationKey(12, 0),
      settings: destinationSettings({ weight: 7, upperThreshold: 2 }),
    },
  ],
  'the end of a server': [
    { change: 'deleteDestination', service: PERSISTENT, key: destinationKey(12, 0) },
  ],
  'the end of a service': [{ change: 'deleteService', key: PERSISTENT }],
};

function prepare(server: VirtualServer): void {
  layNetwork(server.routes, LAST_HOST);
}

/** A command as a worker carries it out. */
function command(changes: Change[]): Step['run'] {
  return (server) => server.whole(1, () => server.apply(changes));
}

describe('dying at every write', () => {
  const clock = new Clock();
  let memory: StateMemory;

  before(async () => {
    clock.ticks = 0x7fff_ff00;
    memory = await populated(clock);
  });

  function step(run: Step['run'], plant?: Step['plant']): Step {
    return {
      memory,
      capacity: CAPACITY,
      clock: clock.read,
      prepare,
      run,
      ...(plant === undefined ? {} : { plant }),
    };
  }

  for (const [name, frame] of Object.entries(PACKETS)) {
    it(`of ${name} loses nothing`, async () => {
      const subject = step((server) => handle(server, clock, frame.slice()));
      assert.ok((await dieAtEveryWrite(subject)).writes > 0);
    });
  }

  it('of the timers loses nothing', async () => {
    const subject = step((server) => {
      while (server.advance((clock.ticks + HOUR_TICKS) | 0, 8));
    });
    assert.ok((await dieAtEveryWrite(subject)).writes > 0);
  });

  it('of a restart loses nothing', async () => {
    const { writes } = await dieAtEveryWrite(step((server) => server.rebuild()));
    assert.ok(writes > 0);
  });

  for (const [name, changes] of Object.entries(CHANGES)) {
    it(`of ${name} leaves all of it or nothing`, async () => {
      const { before: was, after: is } = await dieAtEveryWrite(step(command(changes)));
      assert.notEqual(is, was);
    });
  }

  it('of several changes together leaves all of them or none', async () => {
    const all = Object.values(CHANGES).flat();
    const { before: was, after: is } = await dieAtEveryWrite(step(command(all)));
    assert.notEqual(is, was);
  });

  it('of a flush leaves all services or none', async () => {
    const subject = step((server) => server.whole(1, () => server.flush()));
    assert.ok((await dieAtEveryWrite(subject)).writes > 0);
  });

  it('of a command without a journal is noticed', async () => {
    const subject = step(command(CHANGES['the end of a service']), ({ state }) => {
      state.journal.undo = () => false;
    });
    await assert.rejects(dieAtEveryWrite(subject), Violation);
  });
});
