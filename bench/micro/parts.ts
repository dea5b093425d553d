/**
 * The parts a packet's cost is made of, each by itself, with benchmark.js: they change nothing, or undo what
 * they change, so they can be repeated as often as it likes. Everything lies in the first-level cache here; what
 * memory costs on top of it is seen in the established packets. Calling a function costs as much as some of the
 * parts do, so each benchmark does a thousand operations, and an operation that does nothing is measured, too.
 * benchmark.js runs one benchmark after the other: no interleaving.
 */
import Benchmark from 'benchmark';
import { ConnectionHash } from '../../dataplane/conn/hash.js';
import { ESTABLISHED, INPUT, nextState } from '../../dataplane/conn/states.js';
import { rewriteDestination } from '../../dataplane/nat/masquerade.js';
import { checkHeader } from '../../dataplane/wire/ipv4.js';
import { ipv4FromText } from '../../src/control/ipv4.js';
import { VIP } from '../../test/support/director.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import { grouped, type Bench } from './measure.js';
import { Population } from './population.js';
import { EngineSubject } from './subjects.js';
import * as traffic from './traffic.js';

export const GROUP = 'parts';
const OPERATIONS = 1000;
const LIVE = 1000;
const TCP = 6;
const IP = 14;
const SEGMENT = IP + 20;
const SERVICE = 1;

type Work = () => number;

/** Results go here, so that no work can be left out by the compiler. */
let sink = 0;

export async function measureParts(bench: Bench): Promise<void> {
  const works = new Map([...(await packetParts()), ...(await schedulerParts())]);
  const maxTime = bench.quick ? 0.1 : 1;
  for (const [name, work] of works) {
    if (!bench.wants(GROUP, name)) continue;
    bench.progress(`${GROUP}: ${name}`);
    const benchmark = new Benchmark(name, () => void (sink ^= work()), { maxTime, minSamples: 10 });
    benchmark.run({ async: false });
    if (benchmark.error) throw benchmark.error;
    const rounds = benchmark.stats.sample.map((seconds) => (seconds * 1e9) / OPERATIONS);
    const subject = 'uvs';
    bench.measurements.push({ group: GROUP, case: name, live: 0, subject, unit: 'ns', rounds });
  }
  if (Number.isNaN(sink)) throw new Error('a part of the packet path gave no number');
}

function frameAt(i: number): number {
  return (i % traffic.BATCH_FRAMES) * traffic.FRAME_STRIDE;
}

async function populate(scheduler: string, servers: number): Promise<EngineSubject> {
  const subject = await EngineSubject.create({ scheduler, servers, capacity: 1 << 12 });
  new Population([subject], LIVE).fill(LIVE);
  return subject;
}

async function packetParts(): Promise<[string, Work][]> {
  const { server } = await populate('rr', 3);
  const { connections, services } = server.state;
  const virtual = ipv4FromText(VIP) ?? 0;
  const client = Int32Array.from({ length: OPERATIONS }, (_, i) => traffic.clientAddress(i));
  const port = Int32Array.from({ length: OPERATIONS }, (_, i) => traffic.clientPort(i));
  const hash = new ConnectionHash([1, 2]);
  const batch = new traffic.FrameBatch();
  batch.begin(traffic.OUTER);
  while (!batch.isFull) batch.addRequest(batch.count, traffic.ACK);
  batch.restore();
  const { memory } = batch;
  return [
    ['nothing (in all the others, too)', repeat((i) => i)],
    [
      'IPv4 header check',
      repeat((i) => checkHeader(memory, frameAt(i) + IP, traffic.FRAME_BYTES - IP)),
    ],
    ['hash of the client end', repeat((i) => hash.of(client[i], port[i]))],
    [
      'look-up, client side',
      repeat((i) =>
        connections.findInbound(TCP, client[i], port[i], virtual, traffic.SERVICE_PORT),
      ),
    ],
    ['local address?', repeat((i) => (server.routes.isLocal(client[i]) ? 1 : 0))],
    ['service look-up', repeat((i) => services.lookup(TCP, virtual, 80 + (i & 1)))],
    ['TCP state', repeat((i) => nextState(ESTABLISHED, INPUT, 0x10 | (i & 8), 0))],
    [
      'rewriting and checksums',
      repeat((i) => {
        const ip = frameAt(i) + IP;
        rewriteDestination(memory, ip, frameAt(i) + SEGMENT, client[i], port[i], false);
        return memory[ip];
      }),
    ],
  ];
}

/** Choosing a server, without making a connection to it. */
async function schedulerParts(): Promise<[string, Work][]> {
  const works: [string, Work][] = [];
  const virtual = ipv4FromText(VIP) ?? 0;
  for (const { name } of SCHEDULERS) {
    for (const servers of [3, 100]) {
      const { server } = await populate(name, servers);
      const scheduler = server.state.schedulers[SERVICE];
      if (scheduler === undefined) throw new Error(`no scheduler ${name} is bound`);
      works.push([
        `choice by ${name}, ${grouped(servers)} servers`,
        repeat((i) => scheduler.pick(traffic.clientAddress(i), traffic.clientPort(i), virtual, 0)),
      ]);
    }
  }
  return works;
}

function repeat(operation: (i: number) => number): Work {
  return () => {
    let result = 0;
    for (let i = 0; i < OPERATIONS; i++) result ^= operation(i);
    return result;
  };
}
