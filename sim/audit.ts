/**
 * Double-entry bookkeeping over a data plane: every frame that came in has one verdict, and every verdict shows
 * where its frame must have gone. What the engine, the parking place and the driver have counted must agree.
 *
 *     received = sent on + handed back + left + answered + parked + dropped + held + leftovers
 *     sent     = sent on + answers + released from parking + leftovers
 */
import type { DropCounters } from '../dataplane/drops.js';
import type { MemoryDriver } from '../dataplane/driver/memory.js';
import type { FrameQueue } from '../dataplane/frame-queue.js';
import type { PacketEngine } from '../dataplane/loop.js';
import type { Routes } from '../dataplane/route/routes.js';
import { ANSWER, DROP, HAND_BACK, LEAVE, PARK, SEND, verdictKind } from '../dataplane/verdict.js';
import type { Frame } from './packet.js';
import { PORTS } from './site.js';
import { Violation } from './violation.js';
import type { Witness } from './witness.js';

export class AuditedEngine implements PacketEngine {
  readonly drops: DropCounters;
  readonly routes: Routes;
  /** Which frame is at an offset in the driver's memory. */
  frameAt: (offset: number) => Frame = () => {
    throw new Violation('conservation', 'a frame that nobody had sent');
  };
  /** A frame that the kernel has too, and that the director leaves to it. */
  onLeft: (frame: Frame) => void = () => undefined;

  /** Frames that had a verdict. */
  judged = 0;
  private handedBack = 0;
  /** Frames sent on without one: an earlier data plane had done all but that. */
  private leftovers = 0;
  private readonly verdicts = new Float64Array(8);
  private answersSent = 0;
  /** Drops that came with an answer, not with a drop verdict. */
  private answered = 0;
  private dropsBefore = 0;
  private readonly start: Figures;

  constructor(
    private readonly engine: PacketEngine,
    private readonly driver: MemoryDriver,
    private readonly witness: Witness,
  ) {
    this.drops = engine.drops;
    this.routes = engine.routes;
    this.start = figuresOf(driver);
  }

  /** The tables have been taken over: what they have counted so far is known. */
  begin(): void {
    this.dropsBefore = this.dropped;
  }

  get answers(): FrameQueue {
    return this.engine.answers;
  }

  prefetch(memory: Uint8Array, offset: Int32Array, length: Int32Array, count: number): void {
    this.engine.prefetch(memory, offset, length, count);
  }

  catchUp(now: number): void {
    this.engine.catchUp(now);
  }

  settle(now: number): void {
    this.engine.settle(now);
  }

  process(
    memory: Uint8Array,
    offset: number,
    length: number,
    port: number,
    offload: number,
    now: number,
  ): number {
    const frame = this.frameAt(offset);
    this.judged += 1;
    const droppedBefore = this.dropped;
    this.witness.nowTicks = now;
    this.witness.sees(memory, offset, length);
    const verdict = this.engine.process(memory, offset, length, port, offload, now);
    const kind = verdictKind(verdict);
    this.verdicts[kind] += 1;
    this.checkCounted(kind, this.dropped - droppedBefore);
    if (kind === ANSWER) this.answersSent += this.engine.answers.count;
    this.witness.decided(memory, offset, length, verdict, frame);
    if (verdict === LEAVE) this.onLeft(frame);
    else if (verdict === HAND_BACK) this.handedBack += 1;
    return verdict;
  }

  advance(now: number, budget: number): boolean {
    return this.engine.advance(now, budget);
  }

  /** Frames of the last burst had no verdict. */
  skipped(frames: number, remains: number): void {
    if (frames > remains) throw new Violation('conservation', 'a frame had no verdict');
    this.leftovers += frames;
  }

  /** Whether everybody's figures agree; to be asked between two bursts. */
  check(parked: number, queuedToSend: number): void {
    const { verdicts, leftovers } = this;
    const figures = figuresOf(this.driver);
    const judged = verdicts.reduce((sum, count) => sum + count, leftovers);
    expectEqual('frames received and verdicts', figures.received - this.start.received, judged);
    expectEqual('frames handed back', figures.handedBack - this.start.handedBack, this.handedBack);
    const engineDrops = verdicts[DROP] + this.answered;
    const parkingDrops = this.dropped - this.dropsBefore - engineDrops;
    const released = verdicts[PARK] - parkingDrops - parked;
    const expected = verdicts[SEND] + leftovers + this.answersSent + released;
    expectEqual('frames to be sent', figures.sent - this.start.sent + queuedToSend, expected);
  }

  private get dropped(): number {
    let sum = 0;
    for (let i = 0; i < this.drops.counts.length; i++) sum += this.drops.counts[i];
    return sum;
  }

  /** A drop is counted once, anything else isn't; an answer may stand for a packet that was dropped. */
  private checkCounted(kind: number, counted: number): void {
    if (kind === DROP) expectEqual('drops counted', counted, 1);
    else if (kind === ANSWER) this.answered += counted;
    else expectEqual('drops counted', counted, 0);
  }
}

/** What the driver has counted, of all ports; refused frames count as sent. */
interface Figures {
  received: number;
  sent: number;
  handedBack: number;
}

function figuresOf(driver: MemoryDriver): Figures {
  const figures = { received: 0, sent: 0, handedBack: 0 };
  for (const port of PORTS) {
    const stats = driver.stats(port);
    figures.received += stats.receivedFrames;
    figures.sent += stats.sentFrames + stats.sendErrors;
    figures.handedBack += stats.handedBackFrames;
  }
  return figures;
}

function expectEqual(what: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new Violation('conservation', `${what}: ${actual}, expected ${expected}`);
}
