import assert from 'node:assert/strict';
import { ACK, SYN } from '../../../dataplane/wire/tcp.js';
import { ConnectionWatch, NEWEST_MAX } from '../../../src/observe/page/connection-watch.js';
import type { NewestConnections } from '../../../src/observe/page/message.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../../support/director.js';
import { tcpFrame } from '../../support/frames.js';

describe('the watch for new connections', () => {
  let clock: Clock;
  let director: VirtualServer;
  let watch: ConnectionWatch;
  let looks: number;

  beforeEach(async () => {
    clock = new Clock();
    director = testDirector(clock);
    watch = new ConnectionWatch(director.state);
    looks = 0;
    await director.addService(serviceKey(), serviceSettings());
    await director.addDestination(serviceKey(), destinationKey(11), destinationSettings());
  });

  function connect(...ports: number[]): void {
    for (const sourcePort of ports) {
      const ends = { source: '10.1.0.2', sourcePort, destination: VIP, destinationPort: 80 };
      for (const flags of [SYN, ACK]) {
        const frame = tcpFrame({ ...ends, flags });
        director.engine.process(frame, 0, frame.length, 0, 0, clock.ticks);
      }
    }
  }

  function expireAll(): void {
    clock.ticks += 1_000_000;
    settle(director, clock);
  }

  async function look(filter = ''): Promise<NewestConnections> {
    const answers = await watch.look([filter], clock.read, 1000 * ++looks);
    return answers.get(filter) as NewestConnections;
  }

  it('knows the look that found each, and nothing of those that were there before', async () => {
    connect(1001, 1002);
    assert.deepEqual(
      (await look()).connections.map(({ seenAtMs }) => seenAtMs),
      [null, null],
    );
    connect(1003);
    await look();
    connect(1004);
    const { connections, matching } = await look();
    assert.equal(matching, 4);
    assert.deepEqual(
      connections.map(({ client, seenAtMs }) => [client, seenAtMs]),
      [
        ['10.1.0.2:1004', 3000],
        ['10.1.0.2:1003', 2000],
        ['10.1.0.2:1001', null],
        ['10.1.0.2:1002', null],
      ],
    );
    const { seenAtMs: _, ...rest } = connections[0];
    assert.deepEqual(rest, {
      client: '10.1.0.2:1004',
      virtual: '10.1.0.100:80',
      server: '10.2.0.11:80',
      state: 'ESTABLISHED',
      expiresSeconds: 900,
    });
  });

  it('knows another connection in the place of one that has gone, whether it saw that empty or not', async () => {
    connect(1001);
    await look();
    expireAll();
    connect(1002);
    assert.equal((await look()).connections[0].seenAtMs, 2000);
    expireAll();
    assert.equal((await look()).matching, 0);
    connect(1002);
    assert.equal((await look()).connections[0].seenAtMs, 4000);
  });

  it('shows so many and no more, and says how many there are', async () => {
    connect(...Array.from({ length: 200 }, (_, i) => 2000 + i));
    await look();
    connect(1001, 1002);
    const { connections, matching } = await look();
    assert.equal(matching, 202);
    assert.equal(connections.length, NEWEST_MAX);
    const newest = connections.slice(0, 2).map(({ client }) => client);
    assert.deepEqual(newest, ['10.1.0.2:1001', '10.1.0.2:1002']);
    assert.equal(connections[2].seenAtMs, null);
  });

  it('answers each filter by itself, and says what is wrong with one', async () => {
    connect(1001, 1002);
    const answers = await watch.look([':1002', 'foo', ':1002', 'syn_recv'], clock.read, 1000);
    assert.equal(answers.size, 3);
    assert.equal(answers.get(':1002')?.connections[0].client, '10.1.0.2:1002');
    assert.equal(answers.get('syn_recv')?.matching, 0);
    assert.match(answers.get('foo')?.problem ?? '', /'foo' is no address/);
  });
});
