/**
 * One run: a function of its seed and its options. Faults, traffic and commands for the given time; then all is
 * healed, connections must end, their records expire, and new connections succeed.
 */
import { Commands, SERVICES } from './commands.js';
import { Flows } from './clients.js';
import { Director } from './director.js';
import { Faults, type FaultName } from './faults.js';
import type { ServiceEntry } from '../src/control/api.js';
import { ipText, type Flow } from './flow.js';
import { Network } from './network.js';
import { SERVERS } from './site.js';
import { Supervision } from './supervision.js';
import { Traffic } from './traffic.js';
import { Violation } from './violation.js';
import { World } from './world.js';
import type { VirtualServer } from '../src/virtual-server/virtual-server.js';

export interface SimulationOptions {
  seed: number;
  /** Virtual time with faults; what comes after it isn't counted. */
  hours: number;
  /** Kinds of faults that are switched off. */
  off: ReadonlySet<FaultName>;
  /** Events that are kept in words, for the case that the run fails. */
  traceLines: number;
  /** Changes each data plane before it runs: to see whether the checks find it. */
  plant?: (server: VirtualServer) => void;
}

export interface SimulationResult {
  counts: Record<string, number>;
  /** Equal for equal runs. */
  digest: number;
  /** What was wrong; null where nothing was. */
  failure: Error | null;
  /** Milliseconds of virtual time until the end or the failure. */
  virtualMs: number;
  trace: string[];
}

const SERVER_TEXTS = new Set(SERVERS.map(ipText));
const HOUR_MS = 3_600_000;
/** Longest that connections may take to end once everything is well: some clients think for hours. */
const ENDING_MAX_MS = 4 * HOUR_MS;
/** Longest that anything is remembered after that. */
const EXPIRY_MAX_MS = HOUR_MS;
const PROBE_MS = 120_000;
const STEP_MS = 10_000;

export class Simulation {
  readonly world: World;
  readonly director: Director;
  private readonly flows = new Flows();
  private readonly traffic: Traffic;
  private readonly supervision: Supervision;
  private readonly commands: Commands;
  private readonly faults: Faults;

  constructor(private readonly options: SimulationOptions) {
    const world = new World(options.seed, options.traceLines);
    this.world = world;
    const network = new Network(world);
    this.supervision = new Supervision(world);
    const random = world.random.fork('start');
    // Half the runs begin a few minutes before the tick counter wraps.
    const startTicks = random.chance(0.5) ? random.int32() : 0x7fffffff - random.below(60_000);
    this.director = new Director(world, network, this.flows, {
      startTicks,
      plant: options.plant ?? (() => undefined),
      onDeath: (isFault) => this.supervision.died(isFault),
    });
    this.supervision.director = this.director;
    this.traffic = new Traffic(world, network, this.flows);
    this.commands = new Commands(world, this.flows);
    this.faults = new Faults(world, network, this.director, this.supervision, this.commands);
  }

  async run(): Promise<SimulationResult> {
    const { world, options } = this;
    let failure: Error | null = null;
    try {
      await this.begin();
      await world.timeline.runUntil(options.hours * HOUR_MS);
      await this.faults.heal();
      await this.endConnections();
      await this.expire();
      await this.probe();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failure = error;
    }
    return {
      counts: world.tally.counts,
      digest: world.trace.digest,
      failure,
      virtualMs: world.timeline.nowMs,
      trace: world.trace.last,
    };
  }

  private async begin(): Promise<void> {
    const { off } = this.options;
    await this.supervision.start();
    await this.director.command(this.commands.first());
    await this.world.timeline.runUntil(1000);
    this.traffic.start(!off.has('noise'));
    this.faults.start(off);
  }

  /** Lets connections come to their end. */
  private async endConnections(): Promise<void> {
    this.traffic.stop();
    const isEnded = await this.waitFor(ENDING_MAX_MS, () => {
      this.flows.prune();
      return this.flows.open.size === 0 || ![...this.flows.open].some((flow) => flow.mustLive);
    });
    const flow = [...this.flows.open].find((open) => open.mustLive);
    if (!isEnded) throw new Violation('stuck', `${String(flow)} doesn't end`);
  }

  /** Nothing may be left of them after the longest timeout. */
  private async expire(): Promise<void> {
    const isExpired = await this.waitFor(EXPIRY_MAX_MS, () => {
      const { plane } = this.director;
      if (plane === null) return false;
      const { connections, trash } = plane.server.state;
      return connections.count === 0 && trash.entries.length === 0;
    });
    if (!isExpired) {
      const { state } = this.director.plane?.server ?? {};
      const left = `${state?.connections.count} connections, ${state?.trash.entries.length} servers`;
      throw new Violation('bounds', `${left} are still there long after the last packet`);
    }
    this.director.check();
  }

  /** Every service that has a server for it takes a connection. */
  private async probe(): Promise<void> {
    const { plane } = this.director;
    if (plane === null) throw new Violation('recovery', 'the data plane is gone');
    const probes: Flow[] = [];
    for (const service of await plane.server.services()) {
      const isServed = mustServe(service);
      const key = SERVICES.find(
        ({ vip, port }) => port === service.port && ipText(vip) === service.address,
      );
      if (!isServed || key === undefined) continue;
      const flow = this.traffic.open(key.vip, key.port);
      if (flow !== null) probes.push(flow);
    }
    const isAnswered = await this.waitFor(PROBE_MS, () => !probes.some(isMissing));
    this.world.tally.add('probes at the end', probes.length);
    const flow = probes.find(isMissing);
    if (!isAnswered) throw new Violation('stuck', `${String(flow)} wasn't answered at the end`);
    this.director.check();
  }

  private async waitFor(longestMs: number, isSo: () => boolean): Promise<boolean> {
    const { timeline } = this.world;
    const endMs = timeline.nowMs + longestMs;
    while (!isSo()) {
      if (timeline.nowMs >= endMs) return false;
      await timeline.runUntil(timeline.nowMs + STEP_MS);
    }
    return true;
  }
}

function isMissing(probe: Flow): boolean {
  return !probe.isEstablished && probe.ending !== 'client vanishes half-open';
}

/** True where any client must be served, whichever server it falls to. */
function mustServe({ scheduler, destinations }: ServiceEntry): boolean {
  // Damaged tables may have left a service without a scheduler, or a server with another address.
  const areThere = destinations.every(({ address }) => SERVER_TEXTS.has(address));
  if (scheduler === 'none' || destinations.length === 0 || !areThere) return false;
  // Who falls to a server of weight 0 there is refused, as with ip_vs.
  const isHashing = ['dh', 'sh', 'mh'].includes(scheduler);
  return isHashing
    ? destinations.every(({ weight }) => weight > 0)
    : destinations.some(({ weight }) => weight > 0);
}

export function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run();
}
