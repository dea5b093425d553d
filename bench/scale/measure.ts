/**
 * Takes the samples: size by size all peers are filled to it, then measured round by round, one after the other and
 * every other round in the opposite order.
 */
import { LabError } from '../../lab/errors.js';
import { expire } from './expiry.js';
import type { ScaleOptions } from './options.js';
import type { MetricKey, Sample } from './results.js';
import type { Stage } from './stage.js';

const NEW_CONNECTIONS = 4000;
/** What takes long with many connections isn't done more often. */
const SLOW_ROUNDS_MAX = 3;
/** With fewer connections most of what a process has grown by is its own. */
const MEMORY_SIZE_MIN = 1_000_000;
const CRASH_RATE = 5000;
const CRASH_SECONDS = 2;
const CONNECTIONS_PER_CRASH_SECOND = 1_000_000;
/** Longer than everything takes, so that nothing expires before it shall. */
const TIMEOUT_SECONDS = 86_400;

export class ScaleMeasurement {
  readonly samples: Sample[] = [];
  private readonly empty = new Map<Stage, number>();

  constructor(
    private readonly stages: readonly Stage[],
    private readonly options: ScaleOptions,
    private readonly progress: (what: string) => void,
  ) {}

  async run(): Promise<void> {
    for (const stage of this.stages) {
      await stage.running.setTimeout(TIMEOUT_SECONDS);
      this.empty.set(stage, memoryOf(stage));
    }
    for (const size of this.options.sizes) await this.measure(size);
    if (this.options.expiry) await this.expireAll();
  }

  private async measure(size: number): Promise<void> {
    const { rounds } = this.options;
    for (const stage of this.stages) await this.fill(stage, size);
    // Round 0 warms up: compilers of hot code, the garbage of filling.
    for (let round = 0; round <= rounds; round++) {
      for (const stage of this.ordered(round)) await this.traffic(stage, round);
    }
    for (const stage of size < MEMORY_SIZE_MIN ? [] : this.balancing) {
      const grown = memoryOf(stage) - (this.empty.get(stage) ?? 0);
      this.add(stage, 'memory', 1, grown / size);
    }
    for (let round = 1; round <= Math.min(rounds, SLOW_ROUNDS_MAX); round++) {
      for (const stage of this.ordered(round)) await this.list(stage, round);
      for (const stage of this.ordered(round)) await this.crash(stage, round);
    }
  }

  private get balancing(): Stage[] {
    return this.stages.filter(({ peer }) => peer.balances);
  }

  private ordered(round: number): readonly Stage[] {
    return round % 2 === 0 ? this.stages.toReversed() : this.stages;
  }

  private show(stage: Stage, what: string): void {
    this.progress(`${stage.live} connections · ${what} · ${stage.peer.title}`);
  }

  private add(stage: Stage, metric: MetricKey, round: number, value: number): void {
    if (round === 0) return;
    this.samples.push({ metric, peer: stage.peer.id, size: stage.live, round, value });
  }

  private async fill(stage: Stage, size: number): Promise<void> {
    this.progress(`connecting up to ${size} · ${stage.peer.title}`);
    const added = size - stage.live;
    const { seconds } = await stage.fill(size);
    this.add(stage, 'fillRate', 1, added / seconds);
    if (!stage.peer.balances) return;
    const known = await stage.running.connections();
    if (known >= size) return;
    throw new LabError(`${stage.peer.title} knows ${known} connections, there should be ${size}`);
  }

  private async traffic(stage: Stage, round: number): Promise<void> {
    this.show(stage, `round ${round} of ${this.options.rounds}`);
    const { sent, delivered, seconds, clientsMs, directorMs } = await stage.flood(
      0,
      this.options.seconds,
    );
    const directorUs = (directorMs / delivered) * 1000;
    this.add(stage, 'packetRate', round, delivered / seconds);
    this.add(stage, 'packetLoss', round, (1 - delivered / sent) * 100);
    this.add(stage, 'packetCost', round, (clientsMs / sent) * 1000 + directorUs);
    if (stage.running.pids().length > 0) this.add(stage, 'packetDirector', round, directorUs);
    const opened = await stage.openMore(NEW_CONNECTIONS);
    const each = (ms: number) => (ms / NEW_CONNECTIONS) * 1000;
    this.add(stage, 'openRate', round, NEW_CONNECTIONS / opened.seconds);
    this.add(stage, 'openCost', round, each(opened.processorMs));
    if (stage.running.pids().length > 0) {
      this.add(stage, 'openDirector', round, each(opened.directorMs));
    }
  }

  private async list(stage: Stage, round: number): Promise<void> {
    const { list } = stage.running;
    if (list === null) return;
    this.show(stage, 'listing');
    const begin = performance.now();
    const director = stage.lab.host('director');
    const lines = Number(await director.output('sh', ['-c', `${list.join(' ')} | wc -l`]));
    this.add(stage, 'list', round, (performance.now() - begin) / 1000);
    if (lines >= stage.live) return;
    throw new LabError(`${stage.peer.title} lists ${lines} of ${stage.live} connections`);
  }

  private async crash(stage: Stage, round: number): Promise<void> {
    if (stage.running.dataPlane() === null) return;
    this.show(stage, 'kill -9');
    await stage.running.recover();
    const seconds = CRASH_SECONDS + stage.live / CONNECTIONS_PER_CRASH_SECOND;
    this.add(stage, 'crashGap', round, await stage.gapAfterCrash(CRASH_RATE, seconds));
  }

  /** Comes last, and where it fails the rest is still worth something. */
  private async expireAll(): Promise<void> {
    for (const stage of this.balancing) {
      try {
        await this.expire(stage);
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        process.stderr.write(`without expiry of ${stage.peer.title}: ${error.message}\n`);
      }
    }
  }

  private async expire(stage: Stage): Promise<void> {
    this.show(stage, 'expiry');
    const { live } = stage;
    const arrived = this.samples.findLast(
      ({ metric, peer }) => metric === 'packetRate' && peer === stage.peer.id,
    );
    const { machineMs, directorMs, lagMs } = await expire(stage, (arrived?.value ?? 0) / 3);
    this.add(stage, 'expiryCost', 1, (machineMs / live) * 1000);
    this.add(stage, 'expiryLag', 1, lagMs);
    if (stage.running.pids().length === 0) return;
    this.add(stage, 'expiryDirector', 1, (directorMs / live) * 1000);
  }
}

function memoryOf(stage: Stage): number {
  return Object.values(stage.running.memory()).reduce((sum, bytes) => sum + bytes, 0);
}
