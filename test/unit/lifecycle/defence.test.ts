import assert from 'node:assert/strict';
import { SEND, verdictKind } from '../../../dataplane/verdict.js';
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

const SYN = 0x02;
const ACK = 0x10;
/** Records of the table; with 80 bytes each 12 pages of memory. */
const CONNECTIONS = 640;

describe('the defence of the connection table', () => {
  let clock: Clock;
  let server: VirtualServer;

  beforeEach(async () => {
    clock = new Clock();
    server = testDirector(clock, { capacity: { connections: CONNECTIONS } });
    await server.addService(serviceKey(), serviceSettings());
    await server.addDestination(serviceKey(), destinationKey(11), destinationSettings());
  });

  function send(sourcePort: number, flags: number): boolean {
    const end = { source: '10.1.0.2', sourcePort, destination: VIP, destinationPort: 80 };
    const frame = tcpFrame({ ...end, flags });
    const { engine } = server;
    return verdictKind(engine.process(frame, 0, frame.length, 0, 0, clock.ticks)) === SEND;
  }

  function open(count: number, firstPort = 1000): number {
    let opened = 0;
    for (let i = 0; i < count; i++) if (send(firstPort + i, SYN)) opened++;
    return opened;
  }

  function pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      clock.ticks += 100;
      settle(server, clock);
    }
  }

  it('drops one in am_droprate new connections in mode 3, and none of what exists', async () => {
    await server.setSetting('am_droprate', 4);
    await server.setSetting('drop_packet', 3);
    assert.equal(open(100), 75);
    assert.equal(
      server.state.drops.counts.reduce((a, b) => a + b),
      25,
    );
    await server.setSetting('drop_packet', 0);
    assert.ok(send(1001, ACK));
    assert.equal(open(100, 2000), 100);
  });

  it('comes into effect by itself when memory is short, and ends when it is there again', async () => {
    await server.setSetting('amemthresh', 6);
    for (const name of ['drop_packet', 'drop_entry', 'secure_tcp'])
      await server.setSetting(name, 1);
    open(200);
    pass(1);
    assert.equal((await server.settings()).drop_packet, 1);
    open(200, 3000);
    pass(1);
    const { drop_packet: packet, secure_tcp: secure } = await server.settings();
    assert.deepEqual({ packet, secure }, { packet: 2, secure: 2 });
    pass(65);
    const later = await server.settings();
    assert.deepEqual([later.drop_packet, later.drop_entry, later.secure_tcp], [1, 1, 1]);
  });

  it('thins out handshakes that never end, and spares what is in use', async () => {
    open(300);
    for (let port = 1000; port < 1050; port++) send(port, ACK);
    await server.setSetting('drop_entry', 3);
    pass(40);
    const { connections } = server.state;
    let established = 0;
    for await (const batch of server.connections()) {
      established += batch.filter((row) => row.state === 'ESTABLISHED').length;
    }
    assert.equal(established, 50);
    assert.ok(connections.count < 200, `${connections.count} of 300 are left`);
  });
});
