import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HOLD, verdictKind } from '../../dataplane/verdict.js';
import { updateHeaderChecksum } from '../../dataplane/wire/ipv4.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../support/director.js';
import { expectedTcpChecksum, tcpFrame } from '../support/frames.js';
import { checkInvariants } from '../../sim/invariants.js';

const GUARD = 64;
const GUARD_BYTE = 0xa5;

async function balancedServer(clock: Clock): Promise<VirtualServer> {
  const server = testDirector(clock);
  await server.addService(serviceKey(80), serviceSettings());
  await server.addService(
    serviceKey(81),
    serviceSettings({ scheduler: 'wlc', persistent: true, timeoutSeconds: 60 }),
  );
  for (const port of [80, 81]) {
    for (const host of [11, 12, 13]) {
      const settings = destinationSettings({ upperThreshold: host === 11 ? 5 : 0 });
      await server.addDestination(serviceKey(port), destinationKey(host, 8080), settings);
    }
  }
  return server;
}

const host = fc.integer({ min: 2, max: 6 });
const segment = fc.record({
  fromServer: fc.boolean(),
  host,
  clientPort: fc.integer({ min: 4000, max: 4003 }),
  server: fc.constantFrom(11, 12, 13),
  port: fc.constantFrom(80, 81),
  flags: fc.constantFrom(0x02, 0x12, 0x10, 0x18, 0x11, 0x01, 0x04, 0x14, 0x00, 0x3f),
  ttl: fc.constantFrom(64, 64, 64, 1),
  pass: fc.constantFrom(0, 0, 1, 50, 2000, 13_000, 100_000),
});

describe('engine', () => {
  it('survives any bytes as a frame, stays within it, and leaks no record', async () => {
    const clock = new Clock();
    const server = await balancedServer(clock);
    const template = tcpFrame({
      source: '10.1.0.2',
      sourcePort: 4000,
      destination: VIP,
      destinationPort: 80,
      flags: 0x02,
      payload: new Uint8Array(40),
    });
    const mutation = fc.record({
      at: fc.nat(template.length - 1),
      value: fc.integer({ min: 0, max: 255 }),
    });
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.array(mutation, { maxLength: 6 }), fc.nat(template.length))
        .map(([mutations, length]) => {
          const bytes = template.slice();
          for (const { at, value } of mutations) bytes[at] = value;
          return bytes.subarray(0, length);
        }),
      // The same with a right header checksum, so that the mutations get further in.
      fc.array(mutation, { minLength: 1, maxLength: 6 }).map((mutations) => {
        const bytes = template.slice();
        for (const { at, value } of mutations) bytes[at] = value;
        bytes[14] = 0x45;
        updateHeaderChecksum(bytes, 14);
        return bytes;
      }),
    );
    fc.assert(
      fc.property(frame, fc.constantFrom(0, 1, 1 | (1448 << 16)), (bytes, offload) => {
        const memory = new Uint8Array(bytes.length + 2 * GUARD).fill(GUARD_BYTE);
        memory.set(bytes, GUARD);
        const verdict = server.engine.process(memory, GUARD, bytes.length, 0, offload, clock.ticks);
        assert.ok(verdictKind(verdict) <= HOLD);
        const guards = [...memory.subarray(0, GUARD), ...memory.subarray(GUARD + bytes.length)];
        assert.ok(guards.every((byte) => byte === GUARD_BYTE));
        checkInvariants(server.state);
      }),
      { numRuns: 3000 },
    );
    clock.ticks += 200_000;
    settle(server, clock);
    assert.equal(server.state.connections.count, 0);
  });

  it('keeps counters equal to the content and checksums right through random traffic', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 150 }), async (segments) => {
        const clock = new Clock();
        const server = await balancedServer(clock);
        for (const s of segments) {
          clock.ticks += s.pass;
          settle(server, clock);
          const client = `10.1.0.${s.host}`;
          const frame = s.fromServer
            ? tcpFrame({
                source: `10.2.0.${s.server}`,
                sourcePort: 8080,
                destination: client,
                destinationPort: s.clientPort,
                flags: s.flags,
                ttl: s.ttl,
              })
            : tcpFrame({
                source: client,
                sourcePort: s.clientPort,
                destination: VIP,
                destinationPort: s.port,
                flags: s.flags,
                ttl: s.ttl,
              });
          const port = s.fromServer ? 1 : 0;
          server.engine.process(frame, 0, frame.length, port, 0, clock.ticks);
          const view = new DataView(frame.buffer);
          assert.equal(view.getUint16(14 + 20 + 16), expectedTcpChecksum(frame));
          checkInvariants(server.state);
        }
        clock.ticks += 200_000;
        settle(server, clock);
        checkInvariants(server.state);
      }),
      { numRuns: 150 },
    );
  });

  it('goes on the same after being rebuilt from its records', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 60 }), fc.nat(60), async (segments, at) => {
        const clock = new Clock();
        const one = await balancedServer(clock);
        const other = await balancedServer(clock);
        for (const [index, s] of segments.entries()) {
          clock.ticks += s.pass;
          settle(one, clock);
          settle(other, clock);
          if (index === at) other.rebuild();
          const client = {
            source: `10.1.0.${s.host}`,
            sourcePort: s.clientPort,
            destination: VIP,
            destinationPort: s.port,
          };
          const reply = {
            source: `10.2.0.${s.server}`,
            sourcePort: 8080,
            destination: client.source,
            destinationPort: s.clientPort,
          };
          const frame = tcpFrame({ ...(s.fromServer ? reply : client), flags: s.flags });
          const copy = frame.slice();
          const port = s.fromServer ? 1 : 0;
          const verdict = one.engine.process(frame, 0, frame.length, port, 0, clock.ticks);
          assert.equal(other.engine.process(copy, 0, copy.length, port, 0, clock.ticks), verdict);
          assert.deepEqual(copy, frame);
          checkInvariants(other.state);
        }
      }),
      { numRuns: 150 },
    );
  });
});
