import assert from 'node:assert/strict';
import fc from 'fast-check';
import { close } from '../../dataplane/sys/libc.js';
import { SEND, verdictKind } from '../../dataplane/verdict.js';
import { updateHeaderChecksum } from '../../dataplane/wire/ipv4.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { ProgramRunner, requireBpf } from '../support/bpf-run.js';
import { connectionOf, countersOf, stateOf, type Ends } from '../support/compared.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  OUTER,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../support/director.js';
import { addFastPath, KernelFlows, pass } from '../support/flow-kernel.js';
import { address, tcpFrame } from '../support/frames.js';

const IP = 14;
const TCP = 34;
const PUBLISHED_TICKS = 300;
const CLIENT = '10.1.0.2';
const CLIENT_PORTS = [4000, 4001, 4002];
const SERVICES = [80, 81, 82];
/** Two services have the same servers, and these listen elsewhere. */
const SERVER_PORTS = new Map([
  [80, 8080],
  [81, 81],
  [82, 8080],
]);
const SERVERS = [11, 12];

async function director(clock: Clock): Promise<VirtualServer> {
  const server = testDirector(clock);
  for (const [port, info] of server.routes.ports.entries()) {
    server.routes.setPort(port, {
      ...info,
      ifindex: 100 + port,
      mtu: port === INNER ? 1000 : 1500,
    });
  }
  for (const port of SERVICES) {
    await server.addService(serviceKey(port), serviceSettings());
    for (const host of SERVERS) {
      const key = destinationKey(host, SERVER_PORTS.get(port));
      await server.addDestination(serviceKey(port), key, destinationSettings());
    }
  }
  return server;
}

/** What is odd about a frame; each edits the bytes of a good one and may return others. */
const ODDITIES = {
  ttl1: (frame: Buffer) => headerEdit(frame, () => (frame[IP + 8] = 1)),
  ttl0: (frame: Buffer) => headerEdit(frame, () => (frame[IP + 8] = 0)),
  moreFragments: (frame: Buffer) => headerEdit(frame, () => (frame[IP + 6] = 0x20)),
  fragment: (frame: Buffer) => headerEdit(frame, () => (frame[IP + 7] = 1)),
  notTcp: (frame: Buffer) => headerEdit(frame, () => (frame[IP + 9] = 17)),
  options: (frame: Buffer) => {
    const longer = Buffer.concat([
      frame.subarray(0, TCP),
      Buffer.from([1, 1, 1, 0]),
      frame.subarray(TCP),
    ]);
    longer.writeUInt16BE(longer.length - IP, IP + 2);
    longer[IP] = 0x46;
    updateHeaderChecksum(longer, IP);
    return longer;
  },
  version: (frame: Buffer) => headerEdit(frame, () => (frame[IP] = 0x65)),
  vlan: (frame: Buffer) =>
    Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, 0, 5]), frame.subarray(12)]),
  arp: (frame: Buffer) =>
    Buffer.concat([frame.subarray(0, 12), Buffer.from([8, 6]), frame.subarray(14)]),
  headerChecksum: (frame: Buffer) => {
    frame[IP + 10] ^= 0x40;
    return frame;
  },
  tcpChecksum: (frame: Buffer) => {
    frame[TCP + 16] ^= 0x11;
    return frame;
  },
  checksumZero: (frame: Buffer) => frame.fill(0, TCP + 16, TCP + 18),
  checksumOnes: (frame: Buffer) => frame.fill(0xff, TCP + 16, TCP + 18),
  totalTooLong: (frame: Buffer) =>
    headerEdit(frame, () => frame.writeUInt16BE(frame.length - IP + 1, IP + 2)),
  totalTooShort: (frame: Buffer) => headerEdit(frame, () => frame.writeUInt16BE(39, IP + 2)),
  padded: (frame: Buffer) => Buffer.concat([frame, Buffer.alloc(6, 0xee)]),
  truncated: (frame: Buffer) => frame.subarray(0, 50),
  dataOffset: (frame: Buffer) => {
    frame[TCP + 12] = 0xf0;
    return frame;
  },
};
type Oddity = keyof typeof ODDITIES;

function headerEdit(frame: Buffer, edit: () => void): Buffer {
  edit();
  if (frame[IP] === 0x45) updateHeaderChecksum(frame, IP);
  return frame;
}

/** Whoever forwards must see these in user space. */
const NEVER_FORWARDED = new Set<Oddity | undefined>([
  'ttl1',
  'ttl0',
  'moreFragments',
  'fragment',
  'notTcp',
  'options',
  'version',
  'vlan',
  'arp',
  'headerChecksum',
  'totalTooLong',
  'totalTooShort',
  'truncated',
]);

interface Step {
  pass: number;
  newMac: boolean;
  fromServer: boolean;
  clientPort: number;
  port: number;
  flags: number;
  ttl: number;
  dontFragment: boolean;
  payload: number;
  fill: number;
  gso: number;
  oddity: Oddity | undefined;
}

const rarely = <T>(usual: T, other: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

const SYN = 0x02;
const ACK = 0x10;
const step: fc.Arbitrary<Step> = fc.record({
  pass: fc.oneof(
    { weight: 40, arbitrary: fc.constant(0) },
    { weight: 10, arbitrary: fc.constantFrom(1, 11, 30) },
    { weight: 1, arbitrary: fc.constant(700) },
  ),
  newMac: rarely(false, fc.constant(true), 100),
  fromServer: fc.boolean(),
  clientPort: fc.constantFrom(...CLIENT_PORTS),
  port: fc.constantFrom(...SERVICES),
  flags: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(ACK, ACK | 8) },
    { weight: 2, arbitrary: fc.constantFrom(SYN, SYN | ACK) },
    { weight: 1, arbitrary: fc.constantFrom(0x11, 0x14, 0x04, 0x01, 0x00, 0x3f) },
  ),
  ttl: rarely(64, fc.constantFrom(2, 255, 128), 4),
  dontFragment: fc.boolean(),
  payload: fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.constantFrom(959, 960, 961, 1459, 1460, 1461, 2500),
  ),
  fill: fc.integer({ min: 0, max: 255 }),
  gso: rarely(0, fc.constantFrom(400, 959, 960, 961, 1460, 1461), 5),
  oddity: rarely<Oddity | undefined>(
    undefined,
    fc.constantFrom(...(Object.keys(ODDITIES) as Oddity[])),
    3,
  ),
});

/** A client's SYN for each connection that may be. */
const BEGINNINGS: Step[] = CLIENT_PORTS.flatMap((clientPort) =>
  SERVICES.map((port) => ({
    pass: 0,
    newMac: false,
    fromServer: false,
    clientPort,
    port,
    flags: SYN,
    ttl: 64,
    dontFragment: true,
    payload: 0,
    fill: 0,
    gso: 0,
    oddity: undefined,
  })),
);

/** Both directors, with the same traffic. */
class Comparison {
  forwarded = 0;
  readonly clock = new Clock();
  private readonly servers = new Map<string, string>();
  private mac = 0;

  constructor(
    private readonly runner: ProgramRunner,
    private readonly program: number,
    private readonly fast: VirtualServer,
    private readonly plain: VirtualServer,
  ) {}

  take(s: Step): void {
    this.letPass(s.pass);
    if (s.newMac) this.changeMac();
    this.propose(s);
    const { gso, oddity } = s;
    const good = this.frameOf(s);
    const original = oddity === undefined ? good : ODDITIES[oddity](good);
    const isSuper = gso !== 0 && s.payload > gso && oddity === undefined;
    const gsoSize = isSuper ? gso : 0;

    const now = this.clock.ticks;
    const expected = Uint8Array.from(original);
    const verdict = this.plain.engine.process(expected, 0, expected.length, 0, gsoSize << 16, now);
    const passage = pass(this.runner, this.program, this.fast, original, gsoSize, now);
    if (passage.isForwarded) {
      this.forwarded++;
      assert.equal(verdictKind(verdict), SEND, 'the engine would not have sent it');
      assert.ok(!NEVER_FORWARDED.has(oddity), `${oddity} was forwarded`);
      this.fast.engine.catchUp(now);
    } else {
      assert.equal(passage.verdict, verdict);
    }
    assert.deepEqual(Buffer.from(passage.frame), Buffer.from(expected));
    this.noteServer(s, expected, verdict);
    assert.equal(stateOf(this.fast, endsOf(s)), stateOf(this.plain, endsOf(s)));
  }

  /** As far as the directors have published them. */
  async compareCounters(): Promise<void> {
    this.letPass(PUBLISHED_TICKS);
    const [fast, plain] = await Promise.all([this.fast, this.plain].map(countersOf));
    assert.deepEqual(fast, plain);
  }

  private letPass(ticks: number): void {
    const { clock, fast, plain } = this;
    const end = clock.ticks + ticks;
    while (clock.ticks < end) {
      clock.ticks = Math.min(end, clock.ticks + 10);
      settle(fast, clock);
      settle(plain, clock);
    }
  }

  private changeMac(): void {
    this.mac++;
    for (const { routes } of [this.fast, this.plain]) {
      const mac = Uint8Array.of(2, 1, 1, 1, 1, this.mac);
      routes.setNeighbour(this.mac % 2 === 0 ? INNER : OUTER, address('10.2.0.11'), mac);
      routes.setNeighbour(INNER, address('10.2.0.11'), mac);
    }
    this.fast.engine.settle(this.clock.ticks);
  }

  /** Not only every 64th packet. */
  private propose(s: Step): void {
    const { engine } = this.fast;
    const { fastPath } = engine.lifecycle;
    const c = connectionOf(this.fast, endsOf(s));
    if (c !== 0 && stateOf(this.fast, endsOf(s)) === 'ESTABLISHED') fastPath?.propose(c);
    engine.settle(this.clock.ticks);
  }

  private frameOf(s: Step): Buffer {
    const server = this.servers.get(keyOf(s)) ?? '10.2.0.11';
    const serverPort = SERVER_PORTS.get(s.port) as number;
    const ends = s.fromServer
      ? {
          source: server,
          sourcePort: serverPort,
          destination: CLIENT,
          destinationPort: s.clientPort,
        }
      : { source: CLIENT, sourcePort: s.clientPort, destination: VIP, destinationPort: s.port };
    const { flags, ttl, dontFragment } = s;
    const payload = new Uint8Array(s.payload).fill(s.fill);
    return Buffer.from(tcpFrame({ ...ends, flags, ttl, dontFragment, payload }));
  }

  private noteServer(s: Step, sent: Uint8Array, verdict: number): void {
    if (s.fromServer || verdictKind(verdict) !== SEND) return;
    this.servers.set(keyOf(s), [...sent.subarray(IP + 16, IP + 20)].join('.'));
  }
}

const endsOf = ({ clientPort, port }: Step): Ends => ({ client: CLIENT, clientPort, port });
const keyOf = ({ clientPort, port }: Step): string => `${clientPort} ${port}`;

describe('the fast path', () => {
  let flows: KernelFlows;
  let program: number;
  let runner: ProgramRunner;
  before(function () {
    requireBpf(this);
    flows = new KernelFlows();
    program = flows.load();
    runner = new ProgramRunner();
  });
  after(() => {
    if (flows === undefined) return;
    close(program);
    flows.close();
  });

  it('makes of every packet, state and counter what the engine makes of it', async () => {
    let forwarded = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 100, maxLength: 300 }), async (steps) => {
        flows.clear();
        const clock = new Clock();
        const [fast, plain] = [await director(clock), await director(clock)];
        addFastPath(fast, flows, clock.ticks);
        const comparison = new Comparison(runner, program, fast, plain);
        for (const s of [...BEGINNINGS, ...steps]) comparison.take(s);
        await comparison.compareCounters();
        forwarded += comparison.forwarded;
      }),
      // Hundreds of steps would be made shorter for minutes; the seed has them all again.
      { seed: 20_261_122, numRuns: 40, endOnFailure: true },
    );
    assert.ok(forwarded > 1000, `only ${forwarded} packets were the kernel's`);
  });
});
