/**
 * Opens connections that have flows, has the kernel's part reported and counted, and prints how much the heap has grown
 * meanwhile. Run by test/unit/engine/allocation.test.ts in a process of its own, as allocation-probe.ts.
 */
import * as layout from '../../dataplane/flows/layout.js';
import { describeTable } from '../../dataplane/sys/fastpath/programs.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from './director.js';
import { addFastPath, KEY } from './flow-kernel.js';
import { tcpFrame } from './frames.js';
import { heapGrowth } from './heap-growth.js';

const BUCKETS = 1 << 12;
const REPORTS = 1 << 10;
const CONNECTIONS = 2000;
const ROUNDS = 200;
const SYN = 0x02;
const ACK = 0x10;

const words = new Int32Array((BUCKETS + 1) * layout.BUCKET_WORDS);
const reports = new Int32Array(REPORTS * layout.REPORT_WORDS);
const description = BUCKETS * layout.BUCKET_WORDS;
describeTable(words.subarray(description), {
  buckets: BUCKETS,
  key: KEY,
});
words[description + layout.SKIP_GENERATION] = words[description + layout.FORWARD_GENERATION] = 1;

const clock = new Clock();
const server = testDirector(clock, { capacity: { connections: 1 << 18 } });
for (const [port, info] of server.routes.ports.entries()) {
  server.routes.setPort(port, { ...info, ifindex: 7 + port });
}
await server.setSetting('drop_first_syn', 0);
await server.addService(serviceKey(), serviceSettings());
await server.addDestination(serviceKey(), destinationKey(11, 8080), destinationSettings());
const fastPath = addFastPath(server, { words, reports }, clock.ticks);
const { engine } = server;

const ends = { sourcePort: 0, destination: VIP, destinationPort: 80, flags: SYN };
const openings = Array.from({ length: 8 }, (_, i) =>
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
  for (let slot = 0; slot < BUCKETS * layout.WAYS; slot++) {
    const bucket = Math.floor(slot / layout.WAYS) * layout.BUCKET_WORDS;
    const base = bucket + (slot % layout.WAYS) * layout.FLOW_WORDS;
    if (words[base + layout.GENERATION] !== words[description + layout.FORWARD_GENERATION])
      continue;
    words[base + layout.PACKETS]++;
    words[base + layout.BYTES_LOW] += 40;
    const number = words[description + layout.REPORTS]++ & (REPORTS - 1);
    reports[number * layout.REPORT_WORDS] = ((slot + 1) << 8) | ACK;
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

reopen(4, 0, 2000);
for (let port = 0; port < CONNECTIONS; port++) open(0, 12_000 + port);
run(ROUNDS / 4);
const { connections } = fastPath;
const before = fastPath.packets;
const collecting = heapGrowth(() => run(ROUNDS));
const packets = fastPath.packets - before;
const beginning = heapGrowth((round) => reopen(20, 1 + round, 16_000));
console.log(JSON.stringify({ collecting, beginning, connections, packets }));
