import assert from 'node:assert/strict';
import { RST, ACK, SYN } from '../../../dataplane/wire/tcp.js';
import { destination } from '../../../dataplane/wire/ipv4.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
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
import { ETHERNET, tcpFrame } from '../../support/frames.js';

const CLOCK = new Clock();

/** Where the director sends a client's segment. */
function serverOf(server: VirtualServer, flags: number): number {
  const ends = { source: '10.1.0.2', sourcePort: 4000, destination: VIP, destinationPort: 80 };
  const frame = tcpFrame({ ...ends, flags });
  server.engine.process(frame, 0, frame.length, OUTER, 0, CLOCK.ticks);
  return destination(frame, ETHERNET);
}

/** A port that was used for a connection that is closed, and is used for another one, before timers have run. */
async function withReusedPort(): Promise<{ server: VirtualServer; first: number; second: number }> {
  const server = testDirector(CLOCK);
  await server.addService(serviceKey(), serviceSettings());
  for (const host of [11, 12]) {
    await server.addDestination(serviceKey(), destinationKey(host), destinationSettings());
  }
  const first = serverOf(server, SYN);
  serverOf(server, ACK);
  serverOf(server, RST);
  const second = serverOf(server, SYN);
  assert.notEqual(second, first);
  assert.equal(server.state.connections.count, 2);
  return { server, first, second };
}

describe('a port that is used again', () => {
  it("leads to the new connection's server", async () => {
    const { server, second } = await withReusedPort();
    assert.equal(serverOf(server, ACK), second);
  });

  it('does so after a restart, too', async () => {
    const { server, second } = await withReusedPort();
    server.rebuild();
    checkInvariants(server.state);
    assert.equal(serverOf(server, ACK), second);
  });
});
