/**
 * Carries out what the real supervisor decides (src/director/supervisor.ts): workers are started, load, are
 * activated, give signs of life, are killed when they don't. Loading and activating take as long as a disk and
 * a machine have them take.
 */
import {
  SUPERVISOR_TIMES,
  Supervisor,
  type SupervisorEffect,
  type SupervisorEvent,
} from '../src/director/supervisor.js';
import type { Director } from './director.js';
import type { Random } from './random.js';
import type { World } from './world.js';

const BEAT_MS = 1000;
/** Between two looks at the clock while nothing runs. */
const RESTLESS_MS = 50;

export class Supervision {
  director!: Director;
  /** Loading and activating takes up to so much longer. */
  slownessMs = 0;
  /** The whole machine stands still: the control process, too. */
  isStopped = false;
  private supervisor = new Supervisor();
  /** Grows with each control process: what an earlier one had begun is nobody's business. */
  private life = 0;
  private isDown = false;
  private readonly random: Random;

  constructor(private readonly world: World) {
    this.random = world.random.fork('supervision');
  }

  async start(): Promise<void> {
    this.noteHealth();
    this.beat(this.life);
    await this.handle({ event: 'start' });
  }

  /** The active worker has died. */
  died(isFault: boolean): void {
    const worker = this.supervisor.activeWorker;
    this.noteHealth();
    const { life } = this;
    // The news takes a moment.
    this.world.timeline.after(this.random.between(0, 5), () =>
      life === this.life ? this.handle({ event: 'ended', worker, isFault }) : undefined,
    );
  }

  /** The control process dies, and its workers with it; another one is started after a while. */
  async restartControl(pauseMs: number): Promise<void> {
    this.life += 1;
    this.supervisor = new Supervisor();
    await this.director.kill(false, false);
    this.world.tally.add('deaths of the control process');
    this.world.timeline.after(pauseMs, () => this.start());
  }

  /** Whether something is wrong with the director; to be asked whenever that may have changed. */
  noteHealth(): void {
    const isDown = this.director.plane === null || this.director.isStill;
    if (isDown === this.isDown) return;
    this.isDown = isDown;
    if (isDown) this.world.health.begin();
    else this.world.health.end();
  }

  private async handle(event: SupervisorEvent): Promise<void> {
    const { nowMs } = this.world.timeline;
    for (const effect of this.supervisor.handle(event, nowMs)) await this.carryOut(effect);
    this.noteHealth();
  }

  private async carryOut(effect: SupervisorEffect): Promise<void> {
    switch (effect.effect) {
      case 'spawn':
        this.later(100, () => this.handle({ event: 'loaded', worker: effect.worker }));
        break;
      case 'activate':
        this.later(20, () => this.activate(effect.worker, effect.aside));
        break;
      case 'kill':
        this.world.tally.add('workers killed by the supervisor');
        await this.director.kill(false, true);
        break;
      case 'giveUp':
        this.world.tally.add('times the supervisor gave up for a while');
        break;
      case 'report':
      case 'recovered':
        break;
    }
  }

  private async activate(worker: number, aside: 'nothing' | 'connections' | 'all'): Promise<void> {
    if (aside !== 'nothing') this.director.setAside(aside);
    const outcome = await this.director.activate();
    if (outcome === 'runs') await this.handle({ event: 'running', worker });
    else if (outcome === 'refused') await this.handle({ event: 'ended', worker, isFault: true });
  }

  private later(usualMs: number, action: () => Promise<void>): void {
    const { life } = this;
    const delayMs = this.random.between(1, usualMs + this.slownessMs);
    this.world.timeline.after(delayMs, () => (life === this.life ? action() : undefined));
  }

  /** Signs of life from the worker, and the supervisor's own look at the clock. */
  private beat(life: number): void {
    const { director } = this;
    const delayMs = director.plane === null ? RESTLESS_MS : BEAT_MS;
    this.world.timeline.after(delayMs, async () => {
      if (life !== this.life) return;
      const worker = this.supervisor.activeWorker;
      if (!this.isStopped) {
        if (director.plane !== null && !director.isStill && worker !== 0) {
          await this.handle({ event: 'alive', worker });
        }
        await this.handle({ event: 'tick' });
      }
      this.beat(life);
    });
  }
}

/** As long a worker may hang before it is killed. */
export const HANG_MS = SUPERVISOR_TIMES.hangMs;
