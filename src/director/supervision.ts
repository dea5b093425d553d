/**
 * The data plane's workers: started, watched and replaced as the supervisor says, and the one that is at work
 * spoken to.
 */
import { ControlError } from '../control/api.js';
import type {
  FromWorker,
  OpenReport,
  Question,
  Questions,
  ToWorker,
  WorkerOptions,
} from '../worker/messages.js';
import { Supervisor, type SupervisorEffect, type SupervisorEvent } from './supervisor.js';
import type { WorkerEnd, WorkerEvents, WorkerHandle } from './worker-process.js';

const TICK_MS = 50;
/** Workers stop packets and end at once; those that don't are ended by force. */
const END_PATIENCE_MS = 1000;

/** The worker ended before it answered. */
export class WorkerEndedError extends Error {
  override name = 'WorkerEndedError';
}

/** News that isn't the answer to anything. */
export type WorkerNews = Extract<
  FromWorker,
  { type: 'endpoints' | 'endpoint' | 'ports' | 'host' | 'addresses' }
>;

export interface SupervisionOptions {
  startWorker: (events: WorkerEvents) => WorkerHandle;
  /** What a worker is to open. */
  workerOptions: () => Omit<WorkerOptions, 'aside'>;
  /** Before a worker opens the tables for the first time. */
  beforeFirst: () => Promise<void>;
  /** A worker has loaded its code, of this version. */
  onLoaded: (version: string) => void;
  onNews: (news: WorkerNews) => void;
  /** A worker has opened the tables; packets don't flow yet. */
  onOpened: (report: OpenReport, pid: number) => void;
  onEnded: (end: WorkerEnd & { pid: number; failures: number; reason: string }) => void;
  onKill: (pid: number, reason: string) => void;
  /** It doesn't come up again, and: it has come up after all. */
  onGivenUp: (failures: number) => void;
  onRecovered: () => void;
}

interface Member {
  handle: WorkerHandle;
  /** What it said went wrong. */
  reason: string;
  ended: Promise<void>;
  noteEnd: () => void;
}

interface Waiting {
  worker: number;
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

const noNote = (): void => {};

export class Supervision {
  private readonly machine = new Supervisor();
  private readonly workers = new Map<number, Member>();
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  /** The worker that has opened the tables, 0 while there is none, and who waits for one. */
  private openedWorker = 0;
  private openers: { resolve: (worker: number) => void; reject: (error: Error) => void }[] = [];
  private mayRun = false;
  private isFirst = true;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: SupervisionOptions) {
    this.timer = setInterval(() => this.handle({ event: 'tick' }), TICK_MS);
    this.handle({ event: 'start' });
  }

  /** From now on packets flow as soon as a worker is ready. */
  run(): void {
    this.mayRun = true;
    if (this.openedWorker !== 0) this.send(this.openedWorker, { type: 'run' });
  }

  /** The worker that has opened the tables, as soon as there is one; rejects where the director has given up. */
  openWorker(): Promise<number> {
    if (this.openedWorker !== 0) return Promise.resolve(this.openedWorker);
    if (this.machine.isGivenUp) return Promise.reject(downError());
    return new Promise((resolve, reject) => this.openers.push({ resolve, reject }));
  }

  /**
   * Has the worker make a change. Rejects with ControlError where it is refused, with WorkerEndedError where it
   * isn't known what has become of it.
   */
  async change(message: Omit<Extract<ToWorker, { type: 'change' }>, 'type' | 'id'>): Promise<void> {
    const worker = await this.openWorker();
    await this.request(worker, (id) => ({ type: 'change', id, ...message }));
  }

  async ask<Q extends Question>(
    question: Q,
    params: Questions[Q]['params'],
  ): Promise<Questions[Q]['answer']> {
    const worker = await this.openWorker();
    const answer = await this.request(worker, (id) => ({ type: 'question', id, question, params }));
    return answer as Questions[Q]['answer'];
  }

  /** Packets flow, and whoever moves them has been heard of lately. */
  get isServing(): boolean {
    return this.machine.isServing(performance.now());
  }

  /** It doesn't come up again and again. */
  get isGivenUp(): boolean {
    return this.machine.isGivenUp;
  }

  /** Process numbers of all workers. */
  get pids(): number[] {
    return [...this.workers.values()].map(({ handle }) => handle.pid);
  }

  /** Ends all workers; resolves when they have ended. */
  async stop(): Promise<void> {
    this.leave();
    for (const { handle } of this.workers.values()) handle.send({ type: 'end' });
    const patience = setTimeout(() => {
      for (const { handle } of this.workers.values()) handle.kill();
    }, END_PATIENCE_MS);
    await Promise.all([...this.workers.values()].map(({ ended }) => ended));
    clearTimeout(patience);
  }

  /** Looks after the workers no longer: the one at work goes on by itself. */
  leave(): void {
    clearInterval(this.timer);
    this.handle({ event: 'stop' });
  }

  private handle(event: SupervisorEvent): void {
    for (const effect of this.machine.handle(event, performance.now())) this.perform(effect);
  }

  private perform(effect: SupervisorEffect): void {
    switch (effect.effect) {
      case 'spawn':
        this.spawn(effect.worker);
        break;
      case 'activate':
        void this.activate(effect.worker, effect.aside);
        break;
      case 'kill': {
        const handle = this.workers.get(effect.worker)?.handle;
        this.options.onKill(handle?.pid ?? 0, effect.reason);
        handle?.kill();
        break;
      }
      case 'giveUp':
        this.rejectOpeners();
        this.options.onGivenUp(effect.failures);
        break;
      case 'recovered':
        this.options.onRecovered();
    }
  }

  private spawn(worker: number): void {
    let noteEnd = noNote;
    const ended = new Promise<void>((resolve) => (noteEnd = resolve));
    const handle = this.options.startWorker({
      onMessage: (message) => this.hear(worker, message),
      onEnd: (end) => this.ended(worker, end),
    });
    this.workers.set(worker, { handle, reason: '', ended, noteEnd });
  }

  private async activate(worker: number, aside: WorkerOptions['aside']): Promise<void> {
    if (this.isFirst) await this.options.beforeFirst();
    this.isFirst = false;
    this.send(worker, { type: 'open', options: { ...this.options.workerOptions(), aside } });
  }

  private send(worker: number, message: ToWorker): void {
    this.workers.get(worker)?.handle.send(message);
  }

  private hear(worker: number, message: FromWorker): void {
    switch (message.type) {
      case 'loaded':
        this.options.onLoaded(message.version);
        this.handle({ event: 'loaded', worker });
        break;
      case 'running':
      case 'alive':
        this.handle({ event: message.type, worker });
        break;
      case 'opened':
        this.noteOpened(worker, message.report);
        break;
      case 'done':
      case 'refused':
        this.answered(message);
        break;
      case 'failed': {
        const member = this.workers.get(worker);
        if (member !== undefined) member.reason = message.stack;
        break;
      }
      default:
        this.options.onNews(message);
    }
  }

  private noteOpened(worker: number, report: OpenReport): void {
    this.options.onOpened(report, this.workers.get(worker)?.handle.pid ?? 0);
    this.openedWorker = worker;
    if (this.mayRun) this.send(worker, { type: 'run' });
    for (const { resolve } of this.openers.splice(0)) resolve(worker);
  }

  private answered(message: Extract<FromWorker, { type: 'done' | 'refused' }>): void {
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'done') waiting?.resolve(message.answer);
    else waiting?.reject(new ControlError(message.errno, message.message));
  }

  private ended(worker: number, end: WorkerEnd): void {
    const member = this.workers.get(worker);
    this.workers.delete(worker);
    if (this.openedWorker === worker) this.openedWorker = 0;
    for (const [id, waiting] of this.waiting) {
      if (waiting.worker !== worker) continue;
      this.waiting.delete(id);
      waiting.reject(new WorkerEndedError(`the data plane ended (${end.how})`));
    }
    const effects = this.machine.handle(
      { event: 'ended', worker, isFault: end.isFault },
      performance.now(),
    );
    for (const effect of effects) {
      if (effect.effect === 'report') {
        const { handle, reason = '' } = member ?? {};
        this.options.onEnded({ ...end, pid: handle?.pid ?? 0, failures: effect.failures, reason });
      } else this.perform(effect);
    }
    member?.noteEnd();
  }

  private rejectOpeners(): void {
    for (const { reject } of this.openers.splice(0)) reject(downError());
  }

  private request(worker: number, message: (id: number) => ToWorker): Promise<unknown> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { worker, resolve, reject });
      this.send(worker, message(id));
    });
  }
}

function downError(): ControlError {
  return new ControlError('EIO', 'the data plane does not come up, see the log of uvsd');
}
