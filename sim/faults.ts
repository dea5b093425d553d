/**
 * What goes wrong, and when: each kind of fault has times of its own, and a run has some kinds and not others.
 * All faults but the deaths end by themselves; at the end of a run everything is healed.
 */
import type { Commands } from './commands.js';
import type { Sentence } from './deaths.js';
import type { Director } from './director.js';
import { GOOD_LINK, MTU, type Network } from './network.js';
import type { Random } from './random.js';
import { CLIENTS, GATEWAY, INNER, nextHop, OUTER, type Port, PORTS, SERVERS } from './site.js';
import type { Supervision } from './supervision.js';
import type { World } from './world.js';

export const FAULTS = {
  loss: 'frames are lost, doubled, delayed and overtake each other',
  damage: 'a bit of a frame is flipped',
  down: 'a link goes down for a while',
  mtu: "a link's MTU changes",
  neighbour: 'a neighbour is forgotten, or does not answer',
  replace: 'a machine is replaced by one with another MAC address',
  pressure: 'the network takes a few frames at a time',
  hang: 'the data plane hangs until the supervisor kills it',
  stop: "the director's machine stands still for a while",
  crash: 'the data plane dies at a record write',
  kill: 'the data plane is killed between two steps',
  control: 'the control process dies',
  slow: 'starting the data plane takes long',
  tables: "words in the tables' files are overwritten while nobody runs",
  commands: 'commands are given',
  noise: 'segments come that belong to nothing',
} as const;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** Seconds between two faults of a kind: a run chooses the mean for each of them. */
const INTERVAL = { min: 10, max: 2000 };
/** Part of the runs that have a kind of fault. */
const LIKELIHOOD = 0.6;
const SELDOM = 0.25;
const MTUS = [1500, 1492, 1400, 1280];
const STEPS: readonly Sentence['step'][] = ['packets', 'packets', 'timers', 'command', 'restart'];

export class Faults {
  private readonly random: Random;
  private isOver = false;
  /** Damage happens in one of the networks only (network.ts). */
  private readonly damagedPort: Port;

  constructor(
    private readonly world: World,
    private readonly network: Network,
    private readonly director: Director,
    private readonly supervision: Supervision,
    private readonly commands: Commands,
  ) {
    this.random = world.random.fork('faults');
    this.damagedPort = this.random.of(PORTS);
  }

  /** Begins all kinds of faults but those that are switched off. */
  start(off: ReadonlySet<FaultName>): void {
    for (const name of FAULT_NAMES) {
      const random = this.random.fork(name);
      const isChosen = random.chance(name === 'tables' ? SELDOM : LIKELIHOOD);
      if (off.has(name) || !isChosen || name === 'noise') continue;
      const meanMs = random.logarithmic(INTERVAL.min, INTERVAL.max) * 1000;
      this.world.tally.add(`runs with ${name}`);
      this.schedule(name, random, meanMs);
    }
  }

  /** No more faults; what is ill is well again. */
  async heal(): Promise<void> {
    this.isOver = true;
    const { director, supervision, network } = this;
    for (const port of PORTS) {
      network.lans[port].quality = GOOD_LINK;
      this.setMtu(port, MTU);
      this.setUp(port, true);
    }
    for (const address of [...CLIENTS, ...SERVERS, GATEWAY]) network.setSilent(address, false);
    director.flushLimit = Number.MAX_SAFE_INTEGER;
    director.isStill = supervision.isStopped = false;
    director.deaths.sentence = null;
    supervision.slownessMs = 0;
    supervision.noteHealth();
    director.wake(0);
    await director.command(this.commands.last());
  }

  private schedule(name: FaultName, random: Random, meanMs: number): void {
    const pauseMs = random.between(1, 2 * Math.ceil(meanMs));
    this.world.timeline.after(pauseMs, async () => {
      if (this.isOver) return;
      this.world.tally.add(`faults: ${name}`);
      this.world.trace.event(9, () => `fault: ${name}`);
      await this.begin(name, random);
      this.schedule(name, random, meanMs);
    });
  }

  private begin(name: FaultName, random: Random): void | Promise<void> {
    const { director, supervision } = this;
    switch (name) {
      case 'loss':
        return this.worsen(random);
      case 'damage':
        return this.damage(random);
      case 'down':
        return this.takeDown(random);
      case 'mtu':
        return this.setMtu(random.of(PORTS), random.of(MTUS));
      case 'neighbour':
        return this.forgetNeighbour(random);
      case 'replace':
        return this.replace(random);
      case 'pressure':
        director.flushLimit = random.between(1, 8);
        return this.for(random.between(1000, 20_000), false, () => {
          director.flushLimit = Number.MAX_SAFE_INTEGER;
        });
      case 'hang':
        director.isStill = director.plane !== null;
        return supervision.noteHealth();
      case 'stop':
        return this.stop(random);
      case 'crash':
        director.deaths.sentence = {
          step: random.of(STEPS),
          writes: Math.floor(random.logarithmic(1, 300)) - 1,
        };
        if (director.deaths.sentence.step === 'command')
          return director.command(this.commands.edit());
        if (director.deaths.sentence.step === 'restart') return director.kill(false, true);
        return undefined;
      case 'kill':
        return director.kill(random.chance(0.2), random.chance(0.8));
      case 'control':
        return supervision.restartControl(random.between(100, 3000));
      case 'slow':
        supervision.slownessMs = random.between(100, 5000);
        return this.for(random.between(10_000, 100_000), false, () => {
          supervision.slownessMs = 0;
        });
      case 'tables':
        return director.killAndDamage(random);
      case 'commands':
        return director.command(this.commands.next());
      case 'noise':
        return undefined;
    }
  }

  /** Has something last for a while; `isHard`: as long nobody can be expected to get anywhere. */
  private for(durationMs: number, isHard: boolean, end: () => void): void {
    if (isHard) this.world.health.begin();
    this.world.timeline.after(durationMs, () => {
      if (isHard) this.world.health.end();
      end();
    });
  }

  private worsen(random: Random): void {
    const lan = this.network.lans[random.of(PORTS)];
    const quality = { ...GOOD_LINK };
    if (random.chance(0.7)) quality.lose = random.logarithmic(0.001, 0.3);
    if (random.chance(0.4)) quality.double = random.logarithmic(0.001, 0.2);
    if (random.chance(0.6)) quality.delayMaxMs = Math.floor(random.logarithmic(2, 1000));
    lan.quality = quality;
    this.for(random.between(1000, 60_000), quality.lose > 0.05, () => {
      lan.quality = GOOD_LINK;
    });
  }

  private damage(random: Random): void {
    const lan = this.network.lans[this.damagedPort];
    lan.quality = { ...lan.quality, damage: random.logarithmic(0.001, 0.1) };
    this.for(random.between(1000, 60_000), true, () => {
      lan.quality = GOOD_LINK;
    });
  }

  private takeDown(random: Random): void {
    const port = random.of(PORTS);
    this.setUp(port, false);
    this.for(random.between(50, 20_000), true, () => this.setUp(port, true));
  }

  private setUp(port: Port, isUp: boolean): void {
    this.network.lans[port].isUp = isUp;
    this.director.portChanged(port);
  }

  private setMtu(port: Port, mtu: number): void {
    this.network.lans[port].mtu = mtu;
    this.director.portChanged(port);
  }

  private forgetNeighbour(random: Random): void {
    const address = random.of([...CLIENTS, ...SERVERS]);
    const hop = nextHop(address);
    const port = SERVERS.includes(address) ? INNER : OUTER;
    if (random.chance(0.5)) {
      this.network.setSilent(hop, true);
      this.for(random.between(100, 20_000), true, () => this.network.setSilent(hop, false));
    }
    this.network.forget(port, hop);
  }

  /** The kernel learns of it only after a while. */
  private replace(random: Random): void {
    const server = random.of(SERVERS);
    this.network.replace(server);
    this.for(random.between(5, 5000), true, () => this.network.learn(INNER, server));
  }

  private stop(random: Random): void {
    const { director, supervision } = this;
    director.isStill = director.plane !== null;
    supervision.isStopped = true;
    supervision.noteHealth();
    this.for(Math.floor(random.logarithmic(1, 600_000)), true, () => {
      director.isStill = supervision.isStopped = false;
      supervision.noteHealth();
      director.wake(0);
    });
  }
}
