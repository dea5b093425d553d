/** When a persistence template goes whose time is up, and when it is postponed by a minute. */
import assert from 'node:assert/strict';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  OUTER,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../../support/director.js';
import { tcpFrame } from '../../support/frames.js';

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

describe('a template of 10 seconds', () => {
  const clock = new Clock();
  let server: VirtualServer;

  const passTo = (seconds: number) => {
    while (clock.ticks < seconds * 100) {
      clock.ticks += 1;
      settle(server, clock);
    }
  };
  const packet = (flags: number, sourcePort = 4000) => {
    const to = { destination: VIP, destinationPort: 80 };
    const frame = tcpFrame({ source: '10.1.0.2', sourcePort, flags, ...to });
    server.engine.process(frame, 0, frame.length, OUTER, 0, clock.ticks);
  };
  /** Seconds that templates have left, and how many connections there are. */
  const remaining = async () => {
    const templates: number[] = [];
    let connections = 0;
    for await (const batch of server.connections()) {
      for (const { clientPort, expiresSeconds } of batch) {
        if (clientPort === 0) templates.push(expiresSeconds);
        else connections += 1;
      }
    }
    return { templates, connections };
  };

  beforeEach(async () => {
    clock.ticks = 0;
    server = testDirector(clock);
    await server.addService(
      serviceKey(),
      serviceSettings({ persistent: true, timeoutSeconds: 10 }),
    );
    await server.addDestination(serviceKey(), destinationKey(2), destinationSettings());
  });

  // A reset connection has 10 seconds, too. ip_vs's timers are late by up to 0.64 s then.
  for (const [reset, outcome, templates] of [
    [0.1, 'goes with its last connection, which ends a moment later', []],
    [0.15, 'goes with its last connection, which ends a little later', []],
    [0.5, 'is postponed if its last connection ends half a second later', [59]],
  ] as const) {
    it(outcome, async () => {
      packet(SYN);
      passTo(reset);
      packet(ACK);
      packet(RST);
      passTo(reset + 10.6);
      assert.deepEqual(await remaining(), { templates, connections: 0 });
    });
  }

  it('is postponed by a minute, counted from the end of its time', async () => {
    packet(SYN);
    packet(ACK);
    passTo(10.2);
    assert.deepEqual(await remaining(), { templates: [0], connections: 1 });
    passTo(11);
    assert.deepEqual(await remaining(), { templates: [59], connections: 1 });
  });

  it('has all its time again when another connection comes while it waits', async () => {
    packet(SYN);
    packet(ACK);
    passTo(10.1);
    packet(SYN, 4001);
    assert.deepEqual((await remaining()).templates, [10]);
    passTo(20.3);
    assert.deepEqual((await remaining()).templates, [0]);
    passTo(20.5);
    assert.deepEqual((await remaining()).templates, [59]);
  });

  it('lasts a minute from each postponement on', async () => {
    packet(SYN);
    packet(ACK);
    passTo(20);
    packet(SYN, 4001);
    assert.deepEqual((await remaining()).templates, [60]);
  });
});
