/**
 * Sends a million packets of established connections, both ways, and new connections through an engine
 * and prints how much the heap has grown meanwhile. Run by test/unit/engine/allocation.test.ts in a process of
 * its own, without the coverage that would change what the compiler does.
 */
import { LEAVE, SEND, verdictKind } from '../../dataplane/verdict.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from './director.js';
import { tcpFrame } from './frames.js';
import { heapGrowth } from './heap-growth.js';

const CONNECTIONS = 1000;
const PACKETS = 1_000_000;
const SYN = 0x02;
const ACK = 0x10;

const clock = new Clock();
const server = testDirector(clock, { capacity: { connections: 1 << 18 } });
await server.setSetting('drop_first_syn', 0);
await server.addService(serviceKey(), serviceSettings({ scheduler: 'wlc' }));
for (const host of [11, 12, 13]) {
  await server.addDestination(serviceKey(), destinationKey(host, 8080), destinationSettings());
}
const { engine } = server;

const request = { source: '10.1.0.2', sourcePort: 0, destination: VIP, destinationPort: 80 };
const open = tcpFrame({ ...request, flags: SYN });
const data = tcpFrame({ ...request, flags: ACK, payload: new Uint8Array(100) });
const memory = new Uint8Array(4096);

function send(frame: Uint8Array, client: number, port: number): number {
  memory.set(frame);
  // Another client without another frame: last octet of the address and port, checksums be as they may.
  memory[14 + 20] = port >>> 8;
  memory[14 + 21] = port;
  memory[14 + 15] = client;
  memory[14 + 10] = memory[14 + 11] = 0;
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += (memory[i] << 8) | memory[i + 1];
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = ~((sum & 0xffff) + (sum >>> 16));
  memory[14 + 10] = sum >>> 8;
  memory[14 + 11] = sum;
  return engine.process(memory, 0, frame.length, 0, 0, clock.ticks);
}

function run(packets: number, firstPort: number): void {
  for (let i = 0; i < packets; i++) {
    const connection = i % CONNECTIONS;
    // The packet is rewritten in place: turned round, it is what the server would answer.
    if (verdictKind(send(data, 2 + (connection & 3), firstPort + connection)) !== SEND) {
      throw new Error('a packet of a connection was not sent');
    }
    if ((i & 63) === 0) {
      clock.ticks++;
      engine.advance(clock.ticks, 100);
    }
  }
}

/** From four clients, of which `firstClient` is the first. */
function openAll(count: number, firstPort: number, firstClient = 2): void {
  for (let i = 0; i < count; i++) send(open, firstClient + (i & 3), firstPort + i);
}

if (verdictKind(LEAVE) !== 0) throw new Error('verdicts have changed');
openAll(CONNECTIONS, 10_000);
run(200_000, 10_000);
openAll(5000, 20_000);
const established = heapGrowth(() => run(PACKETS, 10_000));
const opening = heapGrowth((round) => openAll(40_000, 25_000, 2 + 4 * round));
const connections = server.state.connections.count;
await server.setSetting('drop_first_syn', 3);
openAll(20_000, 50_000);
const flood = heapGrowth(() => openAll(PACKETS, 50_000));
console.log(JSON.stringify({ established, opening, flood, connections }));
