import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BURST_MAX } from '../../../dataplane/burst-size.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from '../../support/director.js';
import { tcpFrame } from '../../support/frames.js';

/** More than a table that isn't worth looking ahead for. */
const CONNECTIONS = 40_000;
const SYN = 0x02;
const ACK = 0x10;

function clientEnd(index: number): { source: string; sourcePort: number } {
  return { source: `10.3.0.${2 + (index % 200)}`, sourcePort: 1024 + Math.floor(index / 200) };
}

async function fullServer(): Promise<VirtualServer> {
  const server = testDirector(new Clock(), { capacity: { connections: 1 << 16 } });
  await server.setSetting('drop_first_syn', 0);
  await server.addService(serviceKey(), serviceSettings());
  await server.addDestination(serviceKey(), destinationKey(11), destinationSettings());
  for (let i = 0; i < CONNECTIONS; i++) {
    const end = { destination: VIP, destinationPort: 80 };
    const frame = tcpFrame({ ...clientEnd(i), ...end, flags: SYN });
    server.engine.process(frame, 0, frame.length, 0, 0, 0);
  }
  assert.equal(server.state.connections.count, CONNECTIONS);
  return server;
}

describe('looking ahead in a burst', () => {
  it('touches each frame its record, and changes nothing', async () => {
    const server = await fullServer();
    const memory = new Uint8Array(BURST_MAX * 128);
    const offset = new Int32Array(BURST_MAX);
    const length = new Int32Array(BURST_MAX);
    const item = fc.record({
      index: fc.nat(CONNECTIONS - 1),
      isReply: fc.boolean(),
      cut: fc.integer({ min: 0, max: 60 }),
      noise: fc.option(fc.uint8Array({ maxLength: 100 }), { freq: 5 }),
    });
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: BURST_MAX }), (items) => {
        for (const [i, { index, isReply, cut, noise }] of items.entries()) {
          const { source, sourcePort } = clientEnd(index);
          const request = { source, sourcePort, destination: VIP, destinationPort: 80 };
          const reply = {
            source: '10.2.0.11',
            sourcePort: 80,
            destination: source,
            destinationPort: sourcePort,
          };
          const whole = tcpFrame({ ...(isReply ? reply : request), flags: ACK });
          const bytes = noise ?? whole.subarray(0, cut < 5 ? cut : whole.length);
          offset[i] = i * 128;
          length[i] = bytes.length;
          memory.fill(0xee, offset[i], offset[i] + 128);
          memory.set(bytes, offset[i]);
        }
        const before = memory.slice();
        server.engine.prefetch(memory, offset, length, items.length);
        assert.deepEqual(memory, before);
        assert.equal(server.state.connections.count, CONNECTIONS);
      }),
    );
  });
});
