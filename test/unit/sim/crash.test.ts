import assert from 'node:assert/strict';
import { allocateMemory, heapMemory, type StateMemory } from '../../../dataplane/state.js';
import { Crash, WriteTap } from '../../../sim/crash.js';
import { copyMemory } from '../../../sim/recovery.js';
import { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
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
import { tcpFrame } from '../../support/frames.js';

const CAPACITY = { connections: 64, services: 8, destinations: 16 };

async function director() {
  const clock = new Clock();
  const memory = allocateMemory(CAPACITY, heapMemory);
  const server = testDirector(clock, { memory, capacity: CAPACITY });
  await server.addService(serviceKey(), serviceSettings({ persistent: true, timeoutSeconds: 60 }));
  await server.addDestination(serviceKey(), destinationKey(11), destinationSettings());
  return { server, memory, clock };
}

function syn(server: VirtualServer, clientPort: number): void {
  const ends = { source: '10.1.0.2', destination: VIP, destinationPort: 80 };
  const frame = tcpFrame({ ...ends, sourcePort: clientPort, flags: 0x02 });
  server.engine.process(frame, 0, frame.length, OUTER, 0, 0);
}

function bytesOf(memory: StateMemory): Buffer[] {
  return Object.values(memory).map(({ buffer }) => Buffer.from(buffer));
}

function wordsOf(memory: StateMemory): number[] {
  return Object.values(memory).flatMap(({ buffer }) => [...new Int32Array(buffer)]);
}

describe('dying at a record write', () => {
  it('sees every write to the tables there is', async () => {
    const { server, memory, clock } = await director();
    const before = copyMemory(memory);
    const tap = new WriteTap(server, memory);
    await tap.run(Number.MAX_SAFE_INTEGER, async () => {
      syn(server, 4000);
      await server.whole(1, () => server.deleteService(serviceKey()));
      server.advance((clock.ticks + 100_000) | 0, 1000);
      server.rebuild();
    });
    // What was written, each word as it is now, makes the earlier memory the present one.
    const names = Object.keys(memory) as (keyof typeof memory)[];
    for (const { words, index } of tap.writes) {
      const name = names.find((table) => memory[table].buffer === words.buffer);
      assert.ok(name !== undefined);
      const at = words.byteOffset + index * words.BYTES_PER_ELEMENT;
      const from = new Uint8Array(words.buffer, at, words.BYTES_PER_ELEMENT);
      new Uint8Array(before[name].buffer).set(from, at);
    }
    assert.deepEqual(bytesOf(before), bytesOf(memory));
  });

  it('lets so many writes through and no other', async () => {
    const { server, memory } = await director();
    const before = wordsOf(copyMemory(memory));
    const tap = new WriteTap(server, memory);
    const wasCut = await tap.run(3, () => syn(server, 4000));
    assert.equal(wasCut, true);
    assert.equal(tap.writes.length, 3);
    const changed = wordsOf(memory).filter((word, i) => word !== before[i]).length;
    assert.ok(changed > 0 && changed <= 3);
    assert.equal(server.state.connections.count, 0);
  });

  it('is not held up by who catches everything on the way', async () => {
    const { server, memory } = await director();
    const tap = new WriteTap(server, memory);
    const wasCut = await tap.run(0, () => {
      try {
        syn(server, 4000);
      } catch (error) {
        assert.ok(error instanceof Crash);
        assert.throws(() => syn(server, 4001), Crash);
      }
    });
    assert.equal(wasCut, true);
    assert.equal(tap.writes.length, 0);
  });

  it('lets errors of the step itself pass', async () => {
    const { server, memory } = await director();
    const tap = new WriteTap(server, memory);
    const run = tap.run(5, () => {
      throw new RangeError('of its own');
    });
    await assert.rejects(run, RangeError);
  });

  it('leaves the tables as usable as they were', async () => {
    const { server, memory } = await director();
    const tap = new WriteTap(server, memory);
    assert.equal(await tap.run(1000, () => syn(server, 4000)), false);
    syn(server, 4001);
    // Two connections and their template.
    assert.equal(server.state.connections.count, 3);
  });
});
