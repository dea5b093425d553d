/**
 * Looks at each frame before the engine does and after it, while somebody traces, and tells the traces that want it
 * what came in, what was decided and why, and what went out. It reads the tables and never writes them.
 */
import { DROP_NAMES } from '../../../dataplane/drops.js';
import type { FrameQueue } from '../../../dataplane/frame-queue.js';
import type { State } from '../../../dataplane/state.js';
import {
  ANSWER,
  DROP,
  HOLD,
  PARK,
  SEND,
  verdictKind,
  verdictValue,
} from '../../../dataplane/verdict.js';
import type { FrameWatcher } from '../../../dataplane/watcher.js';
import { ipv4ToText } from '../../control/ipv4.js';
import type { TraceDecision, TracedFrame } from '../../control/trace.js';
import { PacketConnection } from '../../decisions/packet-connection.js';
import { endsOfSent } from '../../decisions/ends.js';
import { explainKernelReason, kernelReason } from '../../decisions/kernel-reasons.js';
import { FrameView } from '../../decisions/packet-view.js';
import { FrameCopy, tracedFrame } from './frames.js';
import { refusalOf } from './refusal.js';
import type { Trace } from './trace.js';

/** Of the fragments of one packet. */
const ANSWERS_MAX = 16;

interface Decided {
  decision: TraceDecision;
  reason: string | null;
  why: string | null;
  waitsFor: string | null;
}

export class Tracer implements FrameWatcher {
  traces: readonly Trace[] = [];
  private readonly view = new FrameView();
  private readonly watch: PacketConnection;
  private readonly copy = new FrameCopy();
  /** Those of the traces that may want the frame that the engine is deciding about. */
  private readonly wanting: Trace[] = [];
  private atMs = 0;
  private hasConnection = false;
  private memory: Uint8Array = new Uint8Array(0);
  private offset = 0;

  /** @param clock milliseconds since 1970 */
  constructor(
    private readonly state: State,
    private readonly clock: () => number,
  ) {
    this.watch = new PacketConnection(state);
  }

  came(memory: Uint8Array, offset: number, length: number, port: number, offload: number): void {
    const { view, watch } = this;
    view.look(memory, offset, length);
    this.hasConnection = watch.begin(view);
    const bytesMax = this.ask();
    this.memory = memory;
    this.offset = offset;
    // Most packets of a busy director are left out: only counting them is to be cheap.
    if (bytesMax > 0) this.copy.take(memory, offset, length, port, offload, bytesMax);
  }

  decided(verdict: number, answers: FrameQueue): void {
    if (this.wanting.length === 0) return;
    this.watch.end();
    const { copy } = this;
    const decided = this.explain(verdict, answers);
    this.tell(
      decided,
      (bytesMax) => copy.traced(this.nameOf(copy.port), bytesMax),
      (bytesMax) => this.sentFrames(verdict, answers, bytesMax),
    );
  }

  sentLate(frame: Uint8Array, offload: number, port: number): void {
    this.tellLate(
      frame,
      { decision: 'sent', reason: null, why: null, waitsFor: null },
      (bytesMax) => tracedFrame(this.nameOf(port), frame, frame.length, offload, bytesMax),
    );
  }

  droppedLate(frame: Uint8Array, _offload: number, reason: number): void {
    const why = { why: null, waitsFor: null };
    this.tellLate(frame, { decision: 'dropped', reason: DROP_NAMES[reason], ...why }, null);
  }

  /** A frame that was parked: its packet is rewritten already. */
  private tellLate(
    frame: Uint8Array,
    decided: Decided,
    sent: ((bytesMax: number) => TracedFrame) | null,
  ): void {
    const { view, watch } = this;
    view.look(frame, 0, frame.length);
    watch.beginBetween(endsOfSent(view, this.state));
    this.ask();
    this.tell(
      decided,
      () => null,
      (bytesMax) => (sent === null ? [] : [sent(bytesMax)]),
    );
  }

  /**
   * Finds out who may want the packet, now.
   * @returns how much of it is to be kept for them, 0 where all of them would leave it out
   */
  private ask(): number {
    const { traces, watch, wanting } = this;
    wanting.length = 0;
    let bytesMax = 0;
    if (traces.length > 0) this.atMs = this.clock();
    for (const trace of traces) {
      if (trace.isDone || !trace.filter.mayMatch(watch)) continue;
      wanting.push(trace);
      if (trace.hasRoom(this.atMs)) bytesMax = Math.max(bytesMax, trace.frameBytesMax);
    }
    return bytesMax;
  }

  private tell(
    decided: Decided,
    came: (bytesMax: number) => TracedFrame | null,
    sent: (bytesMax: number) => TracedFrame[],
  ): void {
    const { watch, atMs } = this;
    for (const trace of this.wanting) {
      if (!trace.filter.matches(watch, decided.decision, decided.reason)) continue;
      const number = trace.offer(atMs);
      if (number === 0) continue;
      const { frameBytesMax } = trace;
      trace.add({
        number,
        atMs,
        came: came(frameBytesMax),
        ...decided,
        connection: watch.story(),
        sent: sent(frameBytesMax),
      });
    }
  }

  private explain(verdict: number, answers: FrameQueue): Decided {
    const value = verdictValue(verdict);
    const plain = { reason: null, why: null, waitsFor: null };
    switch (verdictKind(verdict)) {
      case SEND:
        return { ...plain, decision: 'sent' };
      case ANSWER: {
        const isOfOurs = this.watch.ends?.isError !== true;
        return { ...plain, decision: 'answered', reason: isOfOurs ? refusalOf(answers) : null };
      }
      case DROP:
        return { ...plain, decision: 'dropped', reason: DROP_NAMES[value] };
      case PARK: {
        const waitsFor = ipv4ToText(this.state.routes.addressOf(value));
        return { ...plain, decision: 'parked', waitsFor };
      }
      case HOLD:
        return { ...plain, decision: 'held' };
      default: {
        const { view, state } = this;
        const reason = kernelReason(view, state, this.hasConnection);
        return { ...plain, decision: 'left', reason, why: explainKernelReason(reason, view) };
      }
    }
  }

  private sentFrames(verdict: number, answers: FrameQueue, bytesMax: number): TracedFrame[] {
    const kind = verdictKind(verdict);
    if (kind !== SEND && kind !== ANSWER) return [];
    const name = this.nameOf(verdictValue(verdict));
    if (kind === SEND) {
      const { length, offload } = this.copy;
      const frame = this.memory.subarray(this.offset, this.offset + length);
      return [tracedFrame(name, frame, length, offload, bytesMax)];
    }
    const { memory, offset, length } = answers;
    return Array.from({ length: Math.min(answers.count, ANSWERS_MAX) }, (_, i) => {
      const frame = memory.subarray(offset[i], offset[i] + length[i]);
      return tracedFrame(name, frame, length[i], 0, bytesMax);
    });
  }

  private nameOf(port: number): string {
    return this.state.routes.ports[port].name;
  }
}
