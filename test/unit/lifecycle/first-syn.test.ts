import assert from 'node:assert/strict';
import { FirstSyns } from '../../../dataplane/conn/first-syn.js';
import { ConnectionHash } from '../../../dataplane/conn/hash.js';
import { dropReason } from '../../../dataplane/drops.js';
import { heapMemory } from '../../../dataplane/state.js';
import { SEND, verdictKind } from '../../../dataplane/verdict.js';
import { ACK, RST, SYN } from '../../../dataplane/wire/tcp.js';
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
import { address, tcpFrame } from '../../support/frames.js';

const CLIENT = address('10.1.0.2');
const VIRTUAL = address(VIP);
const SECOND = 100;

describe('first SYNs', () => {
  let syns: FirstSyns;
  beforeEach(() => {
    syns = new FirstSyns(new ConnectionHash([1, 2]), heapMemory);
  });

  const isRepeated = (port: number, now: number) => syns.isRepeated(CLIENT, port, VIRTUAL, 80, now);

  it("are known again when a client's TCP sends them once more", () => {
    assert.equal(isRepeated(1000, 5000), false);
    assert.equal(isRepeated(1000, 5000 + SECOND), true);
    assert.equal(isRepeated(1000, 5000 + 3 * SECOND), true);
  });

  it('are not repeated at once, nor much later', () => {
    assert.equal(isRepeated(1000, 5000), false);
    assert.equal(isRepeated(1000, 5001), false);
    assert.equal(isRepeated(1000, 5000 + 17 * SECOND), false);
    assert.equal(isRepeated(1000, 5000 + 18 * SECOND), true);
  });

  it('are one for each address and port on either side', () => {
    assert.equal(isRepeated(1000, 0), false);
    assert.equal(isRepeated(1001, SECOND), false);
    assert.equal(syns.isRepeated(CLIENT + 1, 1000, VIRTUAL, 80, SECOND), false);
    assert.equal(syns.isRepeated(CLIENT, 1000, VIRTUAL + 1, 80, SECOND), false);
    assert.equal(syns.isRepeated(CLIENT, 1000, VIRTUAL, 81, SECOND), false);
    assert.equal(isRepeated(1000, SECOND), true);
  });

  it('are known again across the wrap of the clock', () => {
    assert.equal(isRepeated(1000, 0x7fff_fff0), false);
    assert.equal(isRepeated(1000, (0x7fff_fff0 + SECOND) | 0), true);
  });

  it('are mostly remembered in a flood of 200 thousand a second', () => {
    const clients = 1000;
    for (let c = 0; c < clients; c++) isRepeated(c, 0);
    for (let i = 0; i < 200_000; i++) syns.isRepeated(i * 7919, i & 0xffff, VIRTUAL, 80, 50);
    let known = 0;
    for (let c = 0; c < clients; c++) if (isRepeated(c, SECOND)) known++;
    assert.ok(known > 0.85 * clients, `${known} of ${clients}`);
  });
});

describe('drop_first_syn', () => {
  /** Half-open connections that make a flood in a table of this size. */
  const LIMIT = 8192;
  let clock: Clock;
  let server: VirtualServer;

  beforeEach(async () => {
    clock = new Clock();
    server = testDirector(clock, { capacity: { connections: 1 << 16 } });
    await server.addService(serviceKey(), serviceSettings());
    await server.addDestination(serviceKey(), destinationKey(11), destinationSettings());
  });

  function send(client: number, flags: number): boolean {
    const source = `10.3.${client >> 15}.2`;
    const end = { source, sourcePort: 1024 + (client & 0x7fff) };
    const frame = tcpFrame({ ...end, destination: VIP, destinationPort: 80, flags });
    const { engine } = server;
    return verdictKind(engine.process(frame, 0, frame.length, 0, 0, clock.ticks)) === SEND;
  }

  function pass(seconds: number): void {
    clock.ticks += seconds * SECOND;
    settle(server, clock);
  }

  const mode = async () => (await server.settings())['drop_first_syn'];
  const drops = () => server.state.drops.counts[dropReason('drop_first_syn')];

  it('begins when there are too many half-open connections, and lets repetitions in', async () => {
    for (let c = 0; c < LIMIT; c++) assert.ok(send(c, SYN));
    assert.equal(await mode(), 1);
    assert.equal(send(LIMIT, SYN), false);
    assert.equal(await mode(), 2);
    assert.equal(drops(), 1);
    pass(1);
    assert.ok(send(LIMIT, SYN));
    assert.ok(send(0, ACK));
  });

  it('leaves completed handshakes out of the count', async () => {
    for (let c = 0; c < 2 * LIMIT; c++) {
      assert.ok(send(c, SYN));
      assert.ok(send(c, ACK));
    }
    assert.equal(await mode(), 1);
  });

  it('ends with the flood, though much of it is still half open, and comes back with the next', async () => {
    for (let c = 0; c < LIMIT + 1000; c++) send(c, SYN);
    assert.equal(await mode(), 2);
    pass(1);
    assert.equal(await mode(), 2);
    pass(1);
    assert.equal(await mode(), 1);
    assert.equal(server.engine.lifecycle.halfOpen, LIMIT);
    for (let c = 0; c < LIMIT / 4; c++) assert.ok(send(50_000 + c, SYN));
    assert.equal(send(60_000, SYN), false);
    assert.equal(await mode(), 2);
  });

  it('ends although clients come and go', async () => {
    for (let c = 0; c < LIMIT + 1000; c++) send(c, SYN);
    for (let second = 0; second < 10; second++) {
      for (let i = 0; i < 500; i++) send(20_000 + second * 500 + i, SYN);
      if (second > 0) for (let i = 0; i < 500; i++) send(19_500 + second * 500 + i, SYN);
      pass(1);
    }
    assert.equal(await mode(), 1);
  });

  it('goes on as long as first SYNs flood in', async () => {
    for (let c = 0; c <= LIMIT; c++) send(c, SYN);
    for (let second = 0; second < 65; second++) {
      for (let i = 0; i < LIMIT / 2; i++) send(10_000 + second * LIMIT + i, SYN);
      pass(1);
    }
    assert.equal(await mode(), 2);
    // One in some thousand finds its tag by chance.
    assert.ok(server.state.connections.count < 200, `${server.state.connections.count}`);
  });

  it('counts half-open connections as they come and go, and anew after a restart', () => {
    const { lifecycle } = server.engine;
    for (let c = 0; c < 10; c++) send(c, SYN);
    for (let c = 0; c < 4; c++) send(c, ACK);
    send(9, RST);
    assert.equal(lifecycle.halfOpen, 6);
    server.rebuild();
    assert.equal(lifecycle.halfOpen, 6);
    pass(61);
    assert.equal(lifecycle.halfOpen, 0);
  });

  it('drops every first SYN in mode 3, none in mode 0', async () => {
    await server.setSetting('drop_first_syn', 3);
    assert.equal(send(1, SYN), false);
    pass(1);
    assert.ok(send(1, SYN));
    await server.setSetting('drop_first_syn', 0);
    for (let c = 0; c < LIMIT + 10; c++) assert.ok(send(100 + c, SYN));
  });
});
