import assert from 'node:assert/strict';
import * as rec from '../../../dataplane/conn/record.js';
import { ELEMENT_BYTES, OCCUPIED_AT } from '../../../dataplane/flows/openings-layout.js';
import { formatAddress } from '../../../dataplane/sys/host-changes.js';
import { ACK, FIN, RST, SYN } from '../../../dataplane/wire/tcp.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  ROUTES,
  serviceKey,
  serviceSettings,
  VIP,
} from '../../support/director.js';
import { addFastPath } from '../../support/flow-kernel.js';
import { address } from '../../support/frames.js';
import { CLIENT, FIRST_ONES, OpeningStage, synFrame } from '../../support/opening-stage.js';

const SECOND = 100;
const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** No tick passes without a connection. */
const BUSY = 50;

describe('decisions made ahead', () => {
  const ALIKE = [{}, {}, {}];
  const WEIGHTED = [{ weight: 30 }, { weight: 120 }, { weight: 60 }];
  let stage: OpeningStage;

  beforeEach(() => {
    stage = new OpeningStage(new Clock(), true);
  });

  for (const scheduler of ['rr', 'wrr', 'fo']) {
    it(`are those of ${scheduler}, in their order, whoever takes them`, async () => {
      const plain = new OpeningStage(stage.clock, false);
      for (const each of [stage, plain]) await each.addService({ scheduler }, WEIGHTED);
      let opened = 0;
      for (let port = 4000; port < 4200; port++) {
        if (port % FIRST_ONES === 0) stage.passTicks(1);
        // Some come to the data plane although the kernel could open them.
        if (port % 7 === 0) stage.process(synFrame(port, 80));
        else if (stage.syn(port)) opened++;
        plain.syn(port);
        assert.equal(stage.serverOf(port), plain.serverOf(port), `connection ${port - 4000}`);
      }
      assert.ok(opened > 100, `only ${opened}`);
      assert.equal(stage.fastPath?.opened, opened);
    });
  }

  for (const scheduler of ['lc', 'wlc', 'sed', 'nq', 'ovf', 'sh', 'dh', 'mh', 'lblc', 'lblcr']) {
    it(`are not made for ${scheduler}, which looks at connections or at who comes`, async () => {
      await stage.addService({ scheduler }, ALIKE);
      assert.equal(stage.busy(BUSY), 0);
      assert.equal(stage.hasOpenings, false);
    });
  }

  it('are not made for a persistent service, nor for one that becomes persistent', async () => {
    const persistent = { persistent: true, timeoutSeconds: 60 };
    await stage.addService(persistent, ALIKE);
    assert.equal(stage.busy(BUSY), 0);
    await stage.addService({}, ALIKE, 81);
    assert.ok(stage.busy(BUSY, 5000, 81) > 0);
    await stage.server.editService(serviceKey(81), serviceSettings(persistent));
    assert.equal(stage.busy(BUSY, 6000, 81), 0);
  });

  it('are not made for servers with a threshold, however late they get it', async () => {
    const limited = { upperThreshold: 1000, lowerThreshold: 900 };
    await stage.addService({}, [limited]);
    assert.equal(stage.busy(BUSY), 0);
    stage.passTicks(SECOND);
    assert.equal(stage.hasOpenings, false);
    await stage.server.editDestination(
      serviceKey(),
      destinationKey(11, 8080),
      destinationSettings(),
    );
    assert.ok(stage.busy(BUSY, 5000) > 0);
    await stage.server.editDestination(
      serviceKey(),
      destinationKey(11, 8080),
      destinationSettings(limited),
    );
    assert.equal(stage.busy(BUSY, 6000), 0);
  });

  it('are not made past a server that is over its threshold, and may be below it by then', async () => {
    const plain = new OpeningStage(stage.clock, false);
    for (const each of [stage, plain]) {
      await each.addService({}, [{}, { upperThreshold: 10, lowerThreshold: 9 }]);
      for (let port = 4000; port < 4020; port++) {
        each.syn(port);
        each.reply(port, RST | ACK);
      }
    }
    // As long as it takes those to go, all the while with two connections in a tick.
    for (let i = 0; i < 11 * SECOND; i++) {
      stage.passTicks(1);
      plain.server.advance(stage.clock.ticks, 10_000);
      for (const port of [5000 + 2 * i, 5001 + 2 * i]) {
        for (const each of [stage, plain]) each.syn(port);
        assert.equal(stage.serverOf(port), plain.serverOf(port), `connection ${port}`);
      }
    }
    assert.ok(plain.serversOf(2 * 11 * SECOND, 5000).includes('10.2.0.12'));
  });

  for (const [name, value] of [
    ['conn_reuse_mode', 0],
    ['drop_packet', 3],
    ['drop_first_syn', 3],
  ] as const) {
    it(`are not made while ${name} is ${value}, and are taken back when it is set`, async () => {
      await stage.addService({}, ALIKE);
      assert.ok(stage.busy(BUSY) > 0);
      await stage.server.setSetting(name, value);
      assert.equal(stage.kernelTakes(5000), false);
      assert.equal(stage.busy(BUSY, 5000), 0);
      // Those whose first SYN was dropped come again.
      stage.passTicks(SECOND);
      assert.equal(stage.busy(BUSY, 5000), 0);
      assert.equal(stage.hasOpenings, false);
    });
  }

  it('are not made in a flood of SYNs, nor where the table has little room left', async () => {
    await stage.addService({}, ALIKE);
    const { lifecycle } = stage.server.engine;
    lifecycle.halfOpen = 5000;
    assert.equal(stage.busy(BUSY), 0);
    lifecycle.halfOpen = 0;
    assert.ok(stage.busy(BUSY, 5000) > 0);
    lifecycle.halfOpen = 5000;
    stage.passTicks(1);
    assert.equal(stage.hasOpenings, false);
    const small = new OpeningStage(stage.clock, true, { connections: 1500 });
    await small.addService({}, ALIKE);
    assert.equal(small.busy(BUSY), 0);
  });

  it('are made where connections come in quick succession, and not where they are few', async () => {
    await stage.addService({}, ALIKE);
    for (let i = 0; i < BUSY; i++) {
      assert.equal(stage.syn(4000 + i), false);
      stage.passTicks(1);
    }
    const opened = Array.from({ length: FIRST_ONES + 1 }, (_, i) => stage.syn(5000 + i));
    assert.deepEqual(opened, [...Array<boolean>(FIRST_ONES).fill(false), true]);
  });

  it('end when nobody wants them, as if they had never been made', async () => {
    const plain = new OpeningStage(stage.clock, false);
    for (const each of [stage, plain]) {
      await each.addService({ scheduler: 'wrr' }, WEIGHTED);
      each.busy(BUSY);
    }
    assert.ok(stage.hasOpenings);
    assert.notDeepEqual(stage.schedulerWords, plain.schedulerWords);
    stage.passTicks(SECOND);
    assert.equal(stage.hasOpenings, false);
    assert.equal(stage.kernelTakes(5000), false);
    assert.deepEqual(stage.schedulerWords, plain.schedulerWords);
    assert.deepEqual(stage.serverCounts, plain.serverCounts);
  });

  it('end when fewer connections come', async () => {
    await stage.addService({}, ALIKE);
    for (let i = 0; i < 2000; i++) {
      if (i % 200 === 0) stage.passTicks(1);
      stage.syn(4000 + i);
    }
    assert.ok(stage.hasOpenings);
    for (let i = 0; i < 10; i++) {
      stage.passTicks(20);
      stage.syn(10_000 + i);
    }
    assert.equal(stage.hasOpenings, false);
  });

  it('hold for a moment only where no data plane looks after them, whatever the clock shows', async () => {
    const clock = new Clock();
    clock.ticks = 0x7fff_ffff - 20;
    stage = new OpeningStage(clock, true);
    await stage.addService({}, ALIKE);
    assert.ok(stage.busy(BUSY) > 0);
    clock.ticks = 0x7fff_ffff - 3;
    assert.ok(stage.busy(BUSY, 5000) > 0);
    assert.ok(clock.ticks < 0);
    clock.ticks += 10;
    assert.ok(stage.kernelTakes(6000));
    clock.ticks += 1;
    assert.equal(stage.kernelTakes(6001), false);
  });

  it('are taken back before services, servers and their weights change', async () => {
    await stage.addService({}, ALIKE);
    const key = destinationKey(12, 8080);
    const { server } = stage;
    const changes: [string, () => Promise<void>][] = [
      [
        'weight',
        () => server.editDestination(serviceKey(), key, destinationSettings({ weight: 0 })),
      ],
      ['deleted', () => server.deleteDestination(serviceKey(), key)],
      ['added', () => server.addDestination(serviceKey(), key, destinationSettings())],
      ['scheduler', () => server.editService(serviceKey(), serviceSettings({ scheduler: 'wrr' }))],
    ];
    for (const [i, [name, change]] of changes.entries()) {
      const first = 4000 + i * 1000;
      assert.ok(stage.busy(BUSY, first) > 0, name);
      // One is taken at the last moment: it is a connection all the same.
      assert.ok(stage.kernelTakes(first + 900), name);
      await change();
      assert.notEqual(stage.serverOf(first + 900), 'none', name);
      assert.equal(stage.kernelTakes(first + 901), false, name);
      const chosen = (stage.busy(BUSY, first + 500), stage.serversOf(BUSY, first + 500));
      assert.equal(chosen.includes('10.2.0.12'), i >= 2, name);
    }
    await server.deleteService(serviceKey());
    assert.equal(stage.hasOpenings, false);
    assert.equal(stage.kernelTakes(9000), false);
  });

  it('are taken back while somebody traces, and when a way, a neighbour or the VIP is another one', async () => {
    await stage.addService({}, ALIKE);
    const { routes } = stage.server;
    assert.ok(stage.busy(BUSY) > 0);
    stage.fastPath?.suspend(stage.clock.ticks);
    assert.equal(stage.busy(BUSY, 5000), 0);
    stage.fastPath?.resume();
    assert.ok(stage.busy(BUSY, 6000) > 0);
    routes.setNeighbour(INNER, address('10.2.0.12'), Uint8Array.of(2, 9, 9, 9, 9, 9));
    stage.server.engine.settle(stage.clock.ticks);
    assert.equal(stage.kernelTakes(7000), false);
    assert.ok(stage.busy(BUSY, 7000) > 0);
    routes.setRoutes(ROUTES.filter((route) => route.address !== address(VIP)));
    stage.server.engine.settle(stage.clock.ticks);
    assert.equal(stage.busy(BUSY, 8000), 0);
    assert.equal(stage.connection(8000), 0);
  });

  it("leave the SYN of a connection that is there to the data plane, and a closed one's to the kernel", async () => {
    await stage.addService({}, ALIKE);
    assert.ok(stage.busy(BUSY) > 0);
    const port = 4000 + BUSY - 1;
    const before = stage.serverOf(port);
    assert.equal(stage.syn(port), false);
    assert.equal(stage.serverOf(port), before);
    stage.reply(port, RST | ACK);
    assert.equal(stage.stateOf(port), 'CLOSE');
    // Its flows are still there for a moment.
    assert.equal(stage.syn(port), false);
    stage.reply(port, RST | ACK);
    for (let i = 0; i < 8; i++) stage.busy(BUSY, 5000 + i * BUSY);
    assert.equal(stage.stateOf(port), 'CLOSE');
    const { connections } = stage.server.state;
    const { count } = connections;
    assert.equal(stage.syn(port), true);
    assert.equal(stage.stateOf(port), 'SYN_RECV');
    stage.passTicks(1);
    assert.equal(connections.count, count, 'the closed one is gone');
  });

  it('do not mix up two services with the same servers and a client that uses a port twice', async () => {
    await stage.addService({}, [{}]);
    await stage.addService({}, [{}], 81);
    assert.ok(stage.busy(BUSY) > 0);
    assert.ok(stage.busy(BUSY, 5000, 81) > 0);
    assert.ok(stage.busy(BUSY, 6000) > 0);
    const port = 5000 + BUSY - 1;
    // The server's answers are those of the later one.
    assert.equal(stage.syn(port), false);
    stage.reply(port, SYN | ACK);
    stage.client(port, ACK);
    assert.equal(stage.stateOf(port), 'ESTABLISHED');
  });

  it('leave a server that listens on every port the port that the client asked for', async () => {
    await stage.addService({}, ALIKE, 80, 0);
    assert.ok(stage.busy(BUSY) > 0);
    const { words } = stage.server.state.connections;
    const meta = words[stage.connection(4000 + BUSY - 1) * WORDS + rec.W_META];
    assert.equal(meta >>> 16, 80);
  });

  it('make connections that go through their states, are counted, and expire', async () => {
    await stage.addService({}, [{}]);
    const opened = stage.busy(BUSY);
    assert.ok(opened > 30);
    const port = 4000 + BUSY - 1;
    stage.reply(port, SYN | ACK);
    stage.client(port, ACK);
    assert.equal(stage.stateOf(port), 'ESTABLISHED');
    stage.client(port, FIN | ACK);
    stage.reply(port, FIN | ACK);
    assert.equal(stage.stateOf(port), 'TIME_WAIT');
    stage.passTicks(61 * SECOND);
    const [{ statistics, destinations }] = await stage.server.services();
    assert.equal(statistics.connections, BUSY);
    assert.equal(destinations[0].statistics.inPackets, BUSY + 2);
    assert.equal(destinations[0].statistics.outPackets, 2);
    // All but one never had an answer.
    const { state } = stage.server;
    assert.equal(state.statistics.unansweredSyns(state.destinationBlock(1)), BUSY - 1);
    assert.equal(state.statistics.scheduled(state.serviceBlock(1)), BUSY);
    assert.equal(state.connections.count, 1);
    assert.equal(stage.server.engine.lifecycle.halfOpen, 0);
  });

  it('are found by the next data plane, with the connections that nobody has heard of', async () => {
    const plain = new OpeningStage(stage.clock, false);
    for (const each of [stage, plain]) {
      await each.addService({ scheduler: 'wrr' }, WEIGHTED);
      each.busy(BUSY);
    }
    const unborn = [6000, 6001, 6002, 6003];
    for (const port of unborn) {
      assert.ok(stage.kernelTakes(port));
      plain.syn(port);
    }
    // What the earlier one had counted may be anything.
    stage.kernel.prepared.bytes.fill(9, OCCUPIED_AT * ELEMENT_BYTES);
    stage.server.rebuild();
    const next = addFastPath(stage.server, stage.kernel, stage.clock.ticks);
    next.takeOver(stage.clock.ticks);
    stage.fastPath = next;
    for (const port of unborn) {
      assert.equal(stage.stateOf(port), 'SYN_RECV');
      assert.equal(stage.serverOf(port), plain.serverOf(port));
    }
    assert.equal(next.opened, unborn.length);
    assert.deepEqual(stage.schedulerWords, plain.schedulerWords);
    assert.equal(stage.kernelTakes(7000), false);
    stage.busy(BUSY, 7000);
    plain.busy(BUSY, 7000);
    assert.deepEqual(stage.serversOf(BUSY, 7000), plain.serversOf(BUSY, 7000));
    assert.ok(next.opened > BUSY / 2);
    // Connections of the earlier one are in the way of SYNs as before.
    assert.equal(stage.kernelTakes(4000), false);
    assert.equal(stage.kernelTakes(6000), false);
  });

  it('make connections also where their reports are lost', async () => {
    stage = new OpeningStage(stage.clock, true, { reports: 16 });
    await stage.addService({}, ALIKE);
    assert.ok(stage.busy(BUSY) > 0);
    const ports = Array.from({ length: 25 }, (_, i) => 6000 + i);
    const taken = ports.filter((port) => stage.kernelTakes(port));
    assert.ok(taken.length > 20);
    stage.server.engine.catchUp(stage.clock.ticks);
    for (const port of taken) assert.equal(stage.stateOf(port), 'SYN_RECV');
  });

  it('also where all flows end before the reports were read, and more were made than there is room for', async () => {
    stage = new OpeningStage(stage.clock, true, { reports: 16 });
    await stage.addService({}, ALIKE);
    assert.ok(stage.busy(BUSY) > 0);
    const ports = Array.from({ length: 25 }, (_, i) => 6000 + i);
    const taken = ports.filter((port) => stage.kernelTakes(port));
    stage.fastPath?.suspend(stage.clock.ticks);
    for (const port of taken) assert.equal(stage.stateOf(port), 'SYN_RECV');
  });

  it("have the clients' neighbours kept known, as those of other connections", async () => {
    await stage.addService({}, ALIKE);
    assert.ok(stage.busy(BUSY) > 0);
    const { routes } = stage.server;
    const used = (): string[] => {
      const found: string[] = [];
      routes.takeUsed((hop) => found.push(formatAddress(routes.addressOf(hop))));
      return found;
    };
    used();
    assert.ok(stage.syn(6000));
    stage.passTicks(2 * SECOND);
    assert.ok(used().includes(CLIENT), 'nobody would notice that the client has moved');
  });
});
