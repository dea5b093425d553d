import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ALL_FRAMES, RING_FILTERS } from '../../dataplane/driver/ring-filters.js';
import { loadProgram, SOCKET_FILTER } from '../../dataplane/sys/fastpath/kernel-objects.js';
import { openingFilter } from '../../dataplane/sys/fastpath/programs.js';
import { close } from '../../dataplane/sys/libc.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { hostClock } from '../../src/worker/host-clock.js';
import { ProgramRunner, requireBpf } from '../support/bpf-run.js';
import { countersOf, stateOf, type Ends } from '../support/compared.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../support/director.js';
import {
  addFastPath,
  FORWARDED,
  KernelFlows,
  type OpeningPrograms,
} from '../support/flow-kernel.js';
import { address, tcpFrame } from '../support/frames.js';

const SYN_RING = 2;
const SYN = 0x02;
const ACK = 0x10;
const FIN_ACK = 0x11;
const RST = 0x04;
const CONGESTION = 0xc0;
const CLIENTS = ['10.1.0.2', '10.1.0.3', '192.0.2.7'];
const PORTS = Array.from({ length: 24 }, (_, i) => 4000 + i);
/** Ticks; sums of them stay away from the states' timeouts, since what the kernel forwards counts up to 100 ms late. */
const PASSES = [1, 1, 2, 25, 2500];
/** A service's port is where its servers listen, or isn't; the schedulers choose the same whoever asks. */
const SERVICES = [
  { port: 80, serverPort: 8080, scheduler: 'rr' },
  { port: 81, serverPort: 81, scheduler: 'wrr' },
  { port: 82, serverPort: 8080, scheduler: 'sh' },
] as const;

type Step =
  | { kind: 'client' | 'server'; ends: Ends; flags: number }
  | { kind: 'burst'; client: string; port: number; count: number }
  | { kind: 'pass'; ticks: number }
  | { kind: 'weight'; port: number; host: number; weight: number }
  | { kind: 'server list'; port: number; host: number }
  | { kind: 'neighbour'; host: number }
  | { kind: 'setting'; value: number };

const ends: fc.Arbitrary<Ends> = fc.record({
  client: fc.constantFrom(...CLIENTS),
  clientPort: fc.constantFrom(...PORTS),
  port: fc.constantFrom(...SERVICES.map(({ port }) => port)),
});
const port = fc.constantFrom(...SERVICES.map((service) => service.port));
const host = fc.constantFrom(11, 12, 13);
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
const CLIENT_FLAGS = [SYN, SYN, ACK, ACK, FIN_ACK, RST, SYN | CONGESTION];
const SERVER_FLAGS = [SYN | ACK, SYN | ACK, ACK, FIN_ACK, RST | ACK];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: kind('burst'),
      client: fc.constantFrom(...CLIENTS),
      port,
      count: fc.integer({ min: 1, max: PORTS.length }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: kind('client'), ends, flags: fc.constantFrom(...CLIENT_FLAGS) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: kind('server'), ends, flags: fc.constantFrom(...SERVER_FLAGS) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: kind('pass'), ticks: fc.constantFrom(...PASSES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind('weight'),
      port,
      host,
      weight: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('server list'), port, host }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('neighbour'), host }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('setting'), value: fc.constantFrom(0, 1) }) },
);

/** Two directors with the same traffic, of which one has the kernel open what it can. */
class Comparison {
  private readonly servers = new Map<string, string>();
  private mac = 0;

  constructor(
    private readonly runner: ProgramRunner,
    private readonly programs: OpeningPrograms,
    private readonly fast: VirtualServer,
    private readonly plain: VirtualServer,
    private readonly clock: Clock,
  ) {}

  async take(s: Step): Promise<void> {
    switch (s.kind) {
      case 'client':
      case 'server':
        return this.pass(s.ends, s.flags, s.kind === 'server');
      case 'burst':
        for (const clientPort of PORTS.slice(0, s.count)) {
          this.pass({ client: s.client, clientPort, port: s.port }, SYN, false);
        }
        return;
      case 'pass':
        return this.letPass(s.ticks);
      case 'neighbour':
        return this.changeMac(s.host);
      default:
        for (const director of [this.fast, this.plain]) await change(director, s);
    }
  }

  /** As far as the directors have published them. */
  async compareCounters(): Promise<void> {
    this.letPass(300);
    const [fast, plain] = await Promise.all([this.fast, this.plain].map(countersOf));
    assert.deepEqual(fast, plain);
  }

  private pass(of: Ends, flags: number, isServers: boolean): void {
    const { runner, programs, fast, plain, clock } = this;
    const now = clock.ticks;
    const original = this.frameOf(of, flags, isServers);
    const expected = Uint8Array.from(original);
    const verdict = plain.engine.process(expected, 0, expected.length, 0, 0, now);

    const isOpened = flags % 0x40 === SYN && runner.filter(programs.open, original) === 0;
    const passed = runner.traffic(programs.forward, original);
    if (isOpened) assert.equal(passed.result, FORWARDED, 'what the kernel opens it forwards');
    let frame: Uint8Array = passed.frame;
    fast.engine.catchUp(now);
    if (passed.result !== FORWARDED) {
      frame = Uint8Array.from(original);
      assert.equal(fast.engine.process(frame, 0, frame.length, 0, 0, now), verdict);
    }
    assert.deepEqual(Buffer.from(frame), Buffer.from(expected));
    if (!isServers) this.servers.set(JSON.stringify(of), [...expected.subarray(30, 34)].join('.'));
    fast.engine.settle(now);
    plain.engine.settle(now);
    assert.equal(stateOf(fast, of), stateOf(plain, of));
  }

  private frameOf(
    { client, clientPort, port: servicePort }: Ends,
    flags: number,
    isServers: boolean,
  ) {
    const server = this.servers.get(JSON.stringify({ client, clientPort, port: servicePort }));
    const serverPort = serverPortOf(servicePort);
    const route = isServers
      ? {
          source: server ?? '10.2.0.11',
          sourcePort: serverPort,
          destination: client,
          destinationPort: clientPort,
        }
      : { source: client, sourcePort: clientPort, destination: VIP, destinationPort: servicePort };
    return Buffer.from(tcpFrame({ ...route, flags }));
  }

  private letPass(ticks: number): void {
    const { clock, fast, plain } = this;
    const end = clock.ticks + ticks;
    while (clock.ticks < end) {
      clock.ticks = Math.min(end, clock.ticks + 1);
      settle(fast, clock);
      settle(plain, clock);
    }
  }

  private changeMac(serverHost: number): void {
    this.mac++;
    for (const { routes } of [this.fast, this.plain]) {
      const mac = Uint8Array.of(2, 1, 1, 1, serverHost, this.mac);
      routes.setNeighbour(INNER, address(`10.2.0.${serverHost}`), mac);
    }
    this.fast.engine.settle(this.clock.ticks);
  }
}

async function director(clock: Clock): Promise<VirtualServer> {
  const server = testDirector(clock);
  for (const [number, info] of server.routes.ports.entries()) {
    server.routes.setPort(number, { ...info, ifindex: 100 + number });
  }
  for (const service of SERVICES) {
    const key = serviceKey(service.port);
    await server.addService(key, serviceSettings({ scheduler: service.scheduler }));
    for (const last of [11, 12]) {
      await server.addDestination(
        key,
        destinationKey(last, service.serverPort),
        destinationSettings(),
      );
    }
  }
  return server;
}

function serverPortOf(port: number): number {
  return SERVICES.find((service) => service.port === port)?.serverPort ?? 0;
}

async function change(server: VirtualServer, s: Step): Promise<void> {
  if (s.kind === 'setting') return server.setSetting('conn_reuse_mode', s.value);
  if (s.kind !== 'weight' && s.kind !== 'server list') return;
  const service = serviceKey(s.port);
  const serverPort = serverPortOf(s.port);
  const key = destinationKey(s.host, serverPort);
  const listed = (await server.service(service)).destinations;
  const isThere = listed.some((destination) => destination.address === key.address);
  if (s.kind === 'weight') {
    const { weight } = s;
    if (isThere) await server.editDestination(service, key, destinationSettings({ weight }));
  } else if (isThere) await server.deleteDestination(service, key);
  else await server.addDestination(service, key, destinationSettings({ weight: 2 }));
}

describe('connections that the kernel opens', () => {
  let flows: KernelFlows;
  let programs: OpeningPrograms;
  let runner: ProgramRunner;
  before(function () {
    requireBpf(this);
    flows = new KernelFlows(1 << 8);
    const open = openingFilter(flows.map, RING_FILTERS[SYN_RING], ALL_FRAMES);
    programs = { forward: flows.load(), open: loadProgram('uvs_test', SOCKET_FILTER, open) };
    runner = new ProgramRunner();
  });
  after(() => {
    if (flows === undefined) return;
    close(programs.forward);
    close(programs.open);
    flows.close();
  });

  it('go to the servers, through the states and into the counters where the engine has them', async () => {
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 150 }), async (steps) => {
        flows.clear();
        const clock = new Clock();
        // The kernel's own clock says how long openings hold: the directors' is never behind it, and begins where all
        // their timers do alike whenever the test runs.
        clock.ticks = (hostClock() | 0xffff) + 1;
        const [fast, plain] = [await director(clock), await director(clock)];
        const fastPath = addFastPath(fast, flows, clock.ticks);
        const comparison = new Comparison(runner, programs, fast, plain, clock);
        for (const s of steps) await comparison.take(s);
        await comparison.compareCounters();
        opened += fastPath.opened;
      }),
      { seed: 20_261_122, numRuns: 100, endOnFailure: true },
    );
    assert.ok(opened > 1000, `only ${opened} connections were the kernel's`);
  });
});
