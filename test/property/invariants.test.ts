import fc from 'fast-check';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import { ControlError } from '../../src/control/api.js';
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
import { tcpFrame } from '../support/frames.js';
import { checkInvariants } from '../../sim/invariants.js';

/** Steps of one run; the invariants are checked every so many of them. */
const STEPS = 250_000;
const RUNS = 4;
const CHECK_EVERY = 2500;
const PORTS = [80, 81, 82, 0];
const FLAGS = [0x02, 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x01, 0x04, 0x14, 0x00];
const SETTINGS: [string, number[]][] = [
  ['conn_reuse_mode', [0, 1, 2]],
  ['expire_nodest_conn', [0, 1]],
  ['expire_quiescent_template', [0, 1]],
  ['sloppy_tcp', [0, 1]],
  ['secure_tcp', [0, 1, 3]],
  ['drop_entry', [0, 1, 3]],
  ['drop_packet', [0, 1, 3]],
  ['amemthresh', [0, 10, 1024]],
];

/** A small generator of its own: fast-check chooses the seed, so that a failing run can be repeated. */
class Random {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (Math.imul(this.state, 0x19660d) + 0x3c6ef35f) | 0;
    return Math.floor(((this.state >>> 8) / 0x1000000) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }
}

class Run {
  private readonly clock = new Clock();
  readonly server: VirtualServer;

  constructor(private readonly random: Random) {
    this.clock.ticks = random.below(0x7fffffff) * 2;
    this.clock.ticks |= 0;
    this.server = testDirector(this.clock, { capacity: { connections: 700 } });
  }

  async steps(count: number): Promise<void> {
    for (let i = 1; i <= count; i++) {
      const kind = this.random.below(1000);
      if (kind < 970) this.packet();
      else if (kind < 985) this.pass();
      else if (kind < 999) await this.command();
      else this.server.rebuild();
      if (i % CHECK_EVERY === 0) checkInvariants(this.server.state);
    }
  }

  private packet(): void {
    const { random } = this;
    const client = { source: `10.1.0.${2 + random.below(60)}`, sourcePort: 4000 + random.below(8) };
    const service = { destination: VIP, destinationPort: random.of([80, 81, 82, 5000]) };
    const server = { source: `10.2.0.${11 + random.below(5)}`, sourcePort: random.of([80, 5000]) };
    const back = { destination: client.source, destinationPort: client.sourcePort };
    const fromServer = random.below(3) === 0;
    const ends = fromServer ? { ...server, ...back } : { ...client, ...service };
    const frame = tcpFrame({ ...ends, flags: random.of(FLAGS), ttl: random.of([64, 64, 64, 1]) });
    const port = fromServer ? INNER : OUTER;
    this.server.engine.process(frame, 0, frame.length, port, 0, this.clock.ticks);
  }

  private pass(): void {
    this.clock.ticks = (this.clock.ticks + this.random.of([1, 10, 100, 700, 6500, 13_000])) | 0;
    settle(this.server, this.clock);
  }

  /** Commands that ip_vs would refuse are refused. */
  private async command(): Promise<void> {
    try {
      await this.change();
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    }
  }

  private change(): Promise<void> {
    const { random, server } = this;
    const port = random.of(PORTS);
    const key = serviceKey(port);
    const destination = destinationKey(11 + random.below(5), random.of([80, 0]));
    const service = serviceSettings({
      scheduler: random.of(SCHEDULERS).name,
      persistent: port === 0 || random.below(2) === 0,
      timeoutSeconds: random.of([10, 60, 300]),
      netmask: random.of(['255.255.255.255', '255.255.255.0']),
    });
    const settings = destinationSettings({
      weight: random.below(4),
      upperThreshold: random.of([0, 0, 5, 20]),
    });
    switch (random.below(9)) {
      case 0:
        return server.addService(key, service);
      case 1:
        return server.editService(key, service);
      case 2:
        return random.below(3) === 0 ? server.deleteService(key) : server.zero();
      case 3:
      case 4:
      case 5:
        return server.addDestination(key, destination, settings);
      case 6:
        return server.editDestination(key, destination, settings);
      case 7:
        return server.deleteDestination(key, destination);
      default: {
        const [name, values] = random.of(SETTINGS);
        return server.setSetting(name, random.of(values));
      }
    }
  }
}

describe('a million random steps', () => {
  it('of packets, time, commands and restarts keep the invariants', async function () {
    this.timeout(300_000);
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const run = new Run(new Random(seed));
        await run.steps(STEPS);
        checkInvariants(run.server.state);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
