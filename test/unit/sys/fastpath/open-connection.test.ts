import assert from 'node:assert/strict';
import { ALL_FRAMES, RING_FILTERS } from '../../../../dataplane/driver/ring-filters.js';
import { BUCKET_WORDS, SKIP_GENERATION } from '../../../../dataplane/flows/layout.js';
import * as layout from '../../../../dataplane/flows/openings-layout.js';
import { clientPlace, queueOf } from '../../../../dataplane/flows/openings-table.js';
import { swap16, swap32 } from '../../../../dataplane/flows/packet-order.js';
import { loadProgram, SOCKET_FILTER } from '../../../../dataplane/sys/fastpath/kernel-objects.js';
import { openingFilter } from '../../../../dataplane/sys/fastpath/programs.js';
import { formatAddress } from '../../../../dataplane/sys/host-changes.js';
import { close } from '../../../../dataplane/sys/libc.js';
import { ACK, CWR, FIN, SYN } from '../../../../dataplane/wire/tcp.js';
import { hostClock } from '../../../../src/worker/host-clock.js';
import { ProgramRunner, requireBpf } from '../../../support/bpf-run.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from '../../../support/director.js';
import { addFastPath, KernelFlows } from '../../../support/flow-kernel.js';
import { address, tcpFrame } from '../../../support/frames.js';

const SYN_RING = 2;
const CLIENT = '10.1.0.2';
const FIRST_ONES = 8;
const VIRTUAL = swap32(address(VIP));
const QUEUE = queueOf(VIRTUAL, swap16(80));
const QUEUE_WORDS = (layout.QUEUES_AT + QUEUE) * layout.ELEMENT_WORDS;
const HALF = 0x8000_0000;
/** Ticks that a test may take. */
const MARGIN = 1000;

describe('the program that opens connections', () => {
  let flows: KernelFlows;
  let runner: ProgramRunner;
  let program: number;
  let port = 4000;

  before(async function () {
    requireBpf(this);
    flows = new KernelFlows();
    runner = new ProgramRunner();
    const filter = openingFilter(flows.map, RING_FILTERS[SYN_RING], ALL_FRAMES);
    program = loadProgram('uvs_test', SOCKET_FILTER, filter);
    await prepare();
  });
  after(() => {
    if (flows === undefined) return;
    close(program);
    flows.close();
  });
  beforeEach(() => setDeadline(MARGIN));

  it('takes what is prepared until its deadline, by the clock of the data plane, also past the overflow', () => {
    assert.equal(opens(), true);
    for (const [ticks, isInTime] of [
      [-2, false],
      [-MARGIN, false],
      [HALF - MARGIN, true],
      [HALF + MARGIN, false],
    ] as const) {
      setDeadline(ticks);
      assert.equal(opens(), isInTime, `${ticks} ticks from now`);
    }
  });

  it('takes a SYN with data or for congestion notification, and nothing with another flag', () => {
    assert.equal(opens({ flags: SYN | CWR | 0x40 }), true);
    assert.equal(opens({ payload: new Uint8Array(20) }), true);
    for (const flags of [SYN | ACK, SYN | FIN, SYN | 0x08, ACK])
      assert.equal(opens({ flags }), false);
  });

  it('leaves alone whom it does not know, a hop too many, and the port that servers open FTP data from', () => {
    assert.equal(opens({ source: '10.1.0.3' }), false);
    assert.equal(opens({ ttl: 1 }), false);
    assert.equal(opens({ sourcePort: 20 }), false);
    assert.equal(opens({ destinationPort: 81 }), false);
  });

  it('leaves alone a frame whose header is damaged or that is cut short', () => {
    assert.equal(
      opens({}, (frame) => (frame[24] ^= 1)),
      false,
    );
    assert.equal(
      opens({}, (frame) => (frame[17] += 60)),
      false,
    );
  });

  it('takes one opening for the same ends, however often they are asked for', () => {
    const sourcePort = port++;
    assert.equal(opens({ sourcePort }), true);
    assert.equal(opens({ sourcePort }), false);
  });

  it("takes no client's way for that of another one at the same place, nor a service's queue", () => {
    const known = swap32(address(CLIENT));
    let other = known + 1;
    while (clientPlace(other) !== clientPlace(known)) other++;
    assert.equal(opens({ source: formatAddress(swap32(other)) }), false);
    let destinationPort = 81;
    while (queueOf(VIRTUAL, swap16(destinationPort)) !== QUEUE) destinationPort++;
    assert.equal(opens({ destinationPort }), false);
  });

  it('takes nothing of another generation than that of the flows', () => {
    const generation = flows.buckets * BUCKET_WORDS + SKIP_GENERATION;
    flows.words[generation]++;
    assert.equal(opens(), false);
    flows.words[generation]--;
    assert.equal(opens(), true);
  });

  /** A director that has decided ahead, and isn't heard of any more. */
  async function prepare(): Promise<void> {
    const clock = new Clock();
    clock.ticks = hostClock();
    const server = testDirector(clock);
    for (const [number, info] of server.routes.ports.entries()) {
      server.routes.setPort(number, { ...info, ifindex: 100 + number });
    }
    await server.addService(serviceKey(), serviceSettings());
    await server.addDestination(serviceKey(), destinationKey(11, 8080), destinationSettings());
    addFastPath(server, flows, clock.ticks);
    for (let i = 0; i < FIRST_ONES; i++) {
      const frame = syn({ sourcePort: 1000 + i });
      server.engine.process(frame, 0, frame.length, 0, 0, clock.ticks);
    }
  }

  function syn(ends: Partial<Parameters<typeof tcpFrame>[0]>): Uint8Array {
    const usual = { source: CLIENT, destination: VIP, destinationPort: 80, flags: SYN };
    return tcpFrame({ ...usual, sourcePort: port++, ...ends });
  }

  function opens(
    ends: Parameters<typeof syn>[0] = {},
    damage: (frame: Uint8Array) => unknown = () => undefined,
  ): boolean {
    const frame = syn(ends);
    damage(frame);
    const before = flows.openings[QUEUE_WORDS + layout.QUEUE_TAKEN];
    const kept = runner.filter(program, frame);
    const isTaken = flows.openings[QUEUE_WORDS + layout.QUEUE_TAKEN] !== before;
    if (isTaken) assert.equal(kept, 0, 'the data plane would open it again');
    return isTaken;
  }

  function setDeadline(ticks: number): void {
    flows.openings[QUEUE_WORDS + layout.QUEUE_DEADLINE] = (hostClock() + ticks) | 0;
  }
});
