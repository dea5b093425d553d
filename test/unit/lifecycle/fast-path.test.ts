import assert from 'node:assert/strict';
import * as rec from '../../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../../dataplane/conn/states.js';
import type { FastPath } from '../../../dataplane/lifecycle/fast-path.js';
import { SEND, verdictKind } from '../../../dataplane/verdict.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  OUTER,
  ROUTES,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from '../../support/director.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { addFastPath } from '../../support/flow-kernel.js';
import { address, tcpFrame } from '../../support/frames.js';

const [FIN, SYN, RST, ACK] = [0x01, 0x02, 0x04, 0x10];
const SECOND = 100;
const TCP_PROTOCOL = 6;
/** What users see of counters is that old at most. */
const PUBLISHED_TICKS = 2 * SECOND;

function giveIndexes({ routes }: VirtualServer): void {
  for (const [port, info] of routes.ports.entries()) {
    routes.setPort(port, { ...info, ifindex: 7 + port });
  }
}

function clientFrame(port: number, flags: number): Uint8Array {
  const ends = { source: '10.1.0.2', sourcePort: port, destination: VIP, destinationPort: 80 };
  return tcpFrame({ ...ends, flags });
}

describe('the fast path', () => {
  let clock: Clock;
  let kernel: FakeKernel;
  let server: VirtualServer;
  let fastPath: FastPath;

  beforeEach(async () => {
    clock = new Clock();
    kernel = new FakeKernel();
    server = testDirector(clock);
    giveIndexes(server);
    await server.addService(serviceKey(), serviceSettings());
    await server.addDestination(serviceKey(), destinationKey(11, 8080), destinationSettings());
    fastPath = addFastPath(server, kernel, clock.ticks);
  });

  it('has the kernel forward a connection from its first SYN on', () => {
    open(4000);
    assert.equal(fastPath.connections, 1);
    assert.equal(stateOf(4000), 'ESTABLISHED');
    assert.ok(client(4000, ACK) && reply(4000, ACK));
  });

  it('follows the states of what it has not seen', () => {
    open(4000);
    client(4000, FIN | ACK);
    server.engine.catchUp(clock.ticks);
    assert.equal(stateOf(4000), 'CLOSE_WAIT');
    reply(4000, FIN | ACK);
    server.engine.catchUp(clock.ticks);
    assert.equal(stateOf(4000), 'TIME_WAIT');
    open(4001);
    reply(4001, RST | ACK);
    server.engine.catchUp(clock.ticks);
    assert.equal(stateOf(4001), 'CLOSE');
  });

  it('counts packets and bytes where the engine counts them', async () => {
    open(4000);
    for (let i = 0; i < 5; i++) client(4000, ACK);
    reply(4000, ACK);
    pass(PUBLISHED_TICKS);
    const [{ destinations }] = await server.services();
    const { inPackets, outPackets, inBytes } = destinations[0].statistics;
    assert.deepEqual([inPackets, outPackets, inBytes], [7, 2, 7 * 40]);
    assert.deepEqual([fastPath.packets, fastPath.bytes], [8, 8 * 40]);
  });

  it('keeps a connection that is busy in the kernel, and lets a quiet one expire', async () => {
    await server.setTimeouts({ tcpSeconds: 2, tcpFinSeconds: 0, udpSeconds: 0 });
    open(4000);
    open(4001);
    for (let i = 0; i < 10; i++) {
      assert.ok(client(4000, ACK), 'the kernel has it all the time');
      pass(SECOND / 2);
    }
    assert.equal(stateOf(4000), 'ESTABLISHED');
    assert.equal(stateOf(4001), 'none');
    pass(3 * SECOND);
    assert.equal(stateOf(4000), 'none');
    assert.equal(fastPath.connections, 0);
  });

  it('gives up a connection that is quiet, and takes it back when it is busy again', () => {
    open(4000);
    pass(6 * SECOND);
    assert.equal(fastPath.connections, 0);
    assert.equal(stateOf(4000), 'ESTABLISHED');
    for (let i = 0; i < 64; i++) client(4000, ACK);
    server.engine.settle(clock.ticks);
    assert.equal(fastPath.connections, 1);
    assert.ok(client(4000, ACK));
  });

  it('gives up one that is closed sooner', () => {
    open(4000);
    client(4000, FIN | ACK);
    reply(4000, FIN | ACK);
    pass(SECOND / 2);
    assert.equal(fastPath.connections, 0);
    assert.equal(stateOf(4000), 'TIME_WAIT');
  });

  it('leaves half of its room to connections that have answered', () => {
    const half = fastPath.capacity / 2;
    for (let port = 0; port < fastPath.capacity; port++) send(clientFrame(10_000 + port, SYN));
    assert.ok(fastPath.connections <= half + 1, `${fastPath.connections} of ${half}`);
  });

  it('begins no flows in a flood of SYNs', () => {
    server.engine.lifecycle.halfOpen = 5000;
    send(clientFrame(4000, SYN));
    assert.equal(fastPath.connections, 0);
  });

  it('has everything back while a neighbour is another one, or a way, and for a server that goes', async () => {
    const { routes } = server;
    const [clientAddress, mac] = [address('10.1.0.2'), Uint8Array.of(2, 9, 9, 9, 9, 9)];
    const changes: (() => unknown)[] = [
      () => routes.setNeighbour(INNER, address('10.2.0.11'), mac),
      () => routes.setPort(INNER, { ...routes.ports[INNER], mtu: 1400 }),
      () => routes.setRoutes(ROUTES),
      () => routes.setNeighbour(OUTER, clientAddress, null),
      () => server.deleteDestination(serviceKey(), destinationKey(11, 8080)),
    ];
    for (const [i, change] of changes.entries()) {
      open(4000 + i);
      assert.equal(fastPath.connections, 1);
      await change();
      server.engine.settle(clock.ticks);
      assert.equal(fastPath.connections, 0);
      assert.equal(client(4000 + i, ACK), false);
      pass(SECOND);
      routes.setNeighbour(OUTER, clientAddress, mac);
    }
  });

  it('is not disturbed by neighbours that come, nor by one that is confirmed', () => {
    open(4000);
    const { routes } = server;
    const [known, stranger] = ['10.2.0.11', '10.9.0.1'].map(address);
    routes.setNeighbour(INNER, known, routes.neighbourMac(INNER, known)?.slice() ?? null);
    routes.setNeighbour(OUTER, stranger, Uint8Array.of(2, 9, 9, 9, 9, 9));
    server.engine.settle(clock.ticks);
    assert.equal(fastPath.connections, 1);
  });

  it('can be suspended', () => {
    open(4000);
    fastPath.suspend(clock.ticks);
    assert.equal(client(4000, ACK), false);
    pass(SECOND);
    open(4001);
    assert.equal(fastPath.connections, 0);
    fastPath.resume();
    open(4002);
    assert.equal(fastPath.connections, 1);
  });

  it('tells the next data plane what was forwarded without one', async () => {
    open(4000);
    open(4001);
    for (let i = 0; i < 3; i++) client(4000, ACK);
    client(4001, FIN | ACK);
    clock.ticks += SECOND;
    server.rebuild();
    const next = addFastPath(server, kernel, clock.ticks);
    next.takeOver(clock.ticks);
    pass(PUBLISHED_TICKS);
    const [{ destinations }] = await server.services();
    assert.equal(destinations[0].statistics.inPackets, 2 * 2 + 4);
    assert.equal(destinations[0].statistics.outPackets, 2);
    assert.equal(stateOf(4001), 'CLOSE_WAIT');
    assert.equal(client(4000, ACK), false);
    fastPath = next;
  });

  /** A handshake: the SYN comes to the engine, the rest is the kernel's where there are flows. */
  function open(port: number): void {
    assert.equal(send(clientFrame(port, SYN)), true);
    reply(port, SYN | ACK);
    client(port, ACK);
    server.engine.catchUp(clock.ticks);
  }

  /** True where the kernel has forwarded it; otherwise it goes to the engine. */
  function client(port: number, flags: number): boolean {
    const frame = clientFrame(port, flags);
    return kernel.forward(frame) || (send(frame), false);
  }

  function reply(port: number, flags: number): boolean {
    const ends = { source: '10.2.0.11', sourcePort: 8080, destination: '10.1.0.2' };
    const frame = tcpFrame({ ...ends, destinationPort: port, flags });
    return kernel.forward(frame) || (send(frame), false);
  }

  /** True where the engine has sent it. */
  function send(frame: Uint8Array): boolean {
    const verdict = server.engine.process(frame, 0, frame.length, 0, 0, clock.ticks);
    return verdictKind(verdict) === SEND;
  }

  function pass(ticks: number): void {
    const end = clock.ticks + ticks;
    while (clock.ticks < end) {
      clock.ticks += 5;
      server.advance(clock.ticks, 10_000);
    }
  }

  function stateOf(port: number): string {
    const { connections } = server.state;
    const c = connections.findInbound(TCP_PROTOCOL, address('10.1.0.2'), port, address(VIP), 80);
    const meta = connections.words[c * rec.CONNECTION_LAYOUT.recordWords + rec.W_META];
    return c === 0 ? 'none' : STATE_NAMES[meta & 0xff];
  }
});
