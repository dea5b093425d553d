/**
 * Opens connections that have flows, has the kernel open some by itself and its part reported and counted, and prints how much
 * the heap has grown meanwhile. Run by test/unit/engine/allocation.test.ts in a process of its own, as allocation-probe.ts.
 */
import { portsWord, swap32 } from '../../dataplane/flows/packet-order.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from './director.js';
import { FakeKernel } from './fake-kernel.js';
import { addFastPath } from './flow-kernel.js';
import { address, tcpFrame } from './frames.js';
import { heapGrowth } from './heap-growth.js';

const BUCKETS = 1 << 12;
const REPORTS = 1 << 10;
const CONNECTIONS = 2000;
const ROUNDS = 200;
const SYN = 0x02;
const ACK = 0x10;
const VIRTUAL = swap32(address(VIP));

const kernel = new FakeKernel(BUCKETS, REPORTS);
const clock = new Clock();
const server = testDirector(clock, { capacity: { connections: 1 << 19 } });
for (const [port, info] of server.routes.ports.entries()) {
  server.routes.setPort(port, { ...info, ifindex: 7 + port });
}
await server.setSetting('drop_first_syn', 0);
await server.addService(serviceKey(), serviceSettings());
await server.addDestination(serviceKey(), destinationKey(11, 8080), destinationSettings());
const fastPath = addFastPath(server, kernel, clock.ticks);
const { engine } = server;

const ends = { sourcePort: 0, destination: VIP, destinationPort: 80, flags: SYN };
const openings = Array.from({ length: 16 }, (_, i) =>
  tcpFrame({ ...ends, source: `10.1.0.${2 + i}` }),
);
const memory = new Uint8Array(256);

/** A SYN from this port of a client; its TCP checksum be as it may. */
function open(client: number, port: number): void {
  // It isn't to be taken for a flood.
  engine.lifecycle.halfOpen = 0;
  const opening = openings[client];
  memory.set(opening);
  memory[34] = port >>> 8;
  memory[35] = port;
  engine.process(memory, 0, opening.length, 0, 0, clock.ticks);
}

/** Every flow has a packet, as many are reported as there is room for. */
function forward(): void {
  for (let slot = 0; slot < kernel.flows.capacity; slot++) {
    if (!kernel.flows.isLive(slot)) continue;
    kernel.pass(slot, ACK, 40);
    kernel.report(slot, ACK);
  }
}

function run(rounds: number): void {
  for (let i = 0; i < rounds; i++) {
    forward();
    clock.ticks += 10;
    engine.catchUp(clock.ticks);
    engine.advance(clock.ticks, 1000);
  }
}

/** New ones, given up again by the next change of a way. */
function reopen(times: number, client: number, firstPort: number): void {
  for (let i = 0; i < times; i++) {
    for (let port = 0; port < CONNECTIONS; port++) open(client, firstPort + i * CONNECTIONS + port);
    fastPath.endAll(clock.ticks);
    clock.ticks += 30;
    engine.settle(clock.ticks);
  }
}

/** The kernel opens what it can of them, a few in each tick; those of a moment ago are given up. */
function openAhead(times: number, client: number, firstPort: number): void {
  const source = swap32(address(`10.1.0.${2 + client}`));
  for (let i = 0; i < times * CONNECTIONS; i++) {
    const port = firstPort + i;
    if (!kernel.openEnds(source, VIRTUAL, portsWord(port, 80), clock.ticks)) open(client, port);
    if (i % 32 !== 0) continue;
    if (i % CONNECTIONS === 0) fastPath.endAll(clock.ticks);
    clock.ticks++;
    engine.lifecycle.halfOpen = 0;
    engine.settle(clock.ticks);
  }
}

reopen(4, 0, 2000);
for (let port = 0; port < CONNECTIONS; port++) open(0, 12_000 + port);
run(ROUNDS / 4);
const { connections } = fastPath;
const before = fastPath.packets;
const collecting = heapGrowth(() => run(ROUNDS));
const packets = fastPath.packets - before;
const beginning = heapGrowth((round) => reopen(20, 1 + round, 16_000));
openAhead(4, 8, 16_000);
const openedBefore = fastPath.opened;
const opening = heapGrowth((round) => openAhead(20, 9 + round, 16_000));
const opened = fastPath.opened - openedBefore;
console.log(JSON.stringify({ collecting, beginning, opening, opened, connections, packets }));
