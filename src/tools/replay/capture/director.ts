/** A director in this process with the rules of a file, to which captured packets come. */
import { DROP_NAMES } from '../../../../dataplane/drops.js';
import type { CaptureReader } from '../../../../dataplane/driver/capture/reader.js';
import {
  ANSWER,
  DROP,
  HOLD,
  SEND,
  verdictKind,
  verdictValue,
} from '../../../../dataplane/verdict.js';
import { ipv4FrameHeaderBytes } from '../../../../dataplane/wire/ethernet.js';
import * as ipv4 from '../../../../dataplane/wire/ipv4.js';
import { ipv4FromText } from '../../../control/ipv4.js';
import { PacketConnection } from '../../../decisions/packet-connection.js';
import { describeFrame, describeIp } from '../../../decisions/describe.js';
import { explainKernelReason, kernelReason } from '../../../decisions/kernel-reasons.js';
import { loadRules } from '../../../director/rules.js';
import { VirtualServer } from '../../../virtual-server/virtual-server.js';
import { CaptureClock } from './clock.js';
import { Frame } from './frame.js';
import { layNetwork } from './network.js';
import { type Outcome, undecided } from './outcome.js';
import {
  type ClientEnd,
  difference,
  headersOf,
  OwnPackets,
  type SentPacket,
} from './own-packets.js';
import { Undo } from './undo.js';

const ADVANCE_BUDGET = 1 << 20;
/** Constant, so that replays of one capture all have the same outcome. */
const HASH_KEY = [0x5eed, 0x0dd] as const;
const CAPACITY = { connections: 1 << 20 };

/** Takes a frame that is sent; of its `length` bytes the capture has the first `captured`. */
export type TakeFrame = (
  memory: Uint8Array,
  offset: number,
  captured: number,
  length: number,
) => void;

export interface CaptureDirectorOptions {
  /** Describe packets and connections in words, which takes time. */
  describes: boolean;
  takeFrame?: TakeFrame;
}

export class CaptureDirector {
  readonly server: VirtualServer;
  readonly ownPackets = new OwnPackets();
  /** Packets so far. */
  packets = 0;
  private readonly clock = new CaptureClock();
  private readonly frame = new Frame();
  private readonly watch: PacketConnection;
  private undo: Undo;
  private readonly describes: boolean;
  private readonly takeFrame: TakeFrame;

  constructor(options: CaptureDirectorOptions) {
    this.describes = options.describes;
    this.takeFrame = options.takeFrame ?? (() => {});
    this.server = new VirtualServer({
      hashKey: HASH_KEY,
      clock: () => this.clock.ticks,
      capacity: CAPACITY,
    });
    this.watch = new PacketConnection(this.server.state);
    this.undo = new Undo(this.server.state);
  }

  /**
   * Sets services and servers up, and the network around them.
   * @param locals the director's own addresses beside the virtual ones, int32
   * Rejects with UsageError that names file and line of what is wrong.
   */
  async loadRules(file: string, locals: readonly number[]): Promise<void> {
    await loadRules(file, this.server);
    const services = await this.server.services();
    const virtual = services.map(({ address }) => ipv4FromText(address) ?? 0);
    layNetwork(this.server.routes, [...new Set([...locals, ...virtual])]);
    this.undo = new Undo(this.server.state);
  }

  /** Seconds from the first packet to the present. */
  get seconds(): number {
    return this.clock.elapsedSeconds;
  }

  /** Lets the reader's packet come, at its time. */
  packet(reader: CaptureReader): Outcome {
    const { frame, clock } = this;
    clock.advanceTo(reader.seconds, reader.nanoseconds, () => {
      while (this.server.advance(clock.ticks, ADVANCE_BUDGET));
    });
    frame.load(reader);
    const outcome = undecided(++this.packets, clock.seconds);
    if (this.describes) outcome.arrived = describeFrame(frame.memory, 0, frame.ip, frame.length);
    if (frame.isCutShort) outcome.reason = 'cut_short';
    else if (frame.ip === 0) this.decide(outcome);
    else if (!this.isSettledAsOwn(outcome)) this.decide(outcome);
    return outcome;
  }

  /** Looks whether the captured director has sent the packet itself. True where that settles it. */
  private isSettledAsOwn(outcome: Outcome): boolean {
    const { frame, ownPackets } = this;
    const { routes, realEndpoints } = this.server.state;
    const isWhole = frame.segment !== 0 && !frame.isFragment;
    if (routes.isLocal(frame.destination)) {
      if (isWhole) this.undo.noteClientSide();
      return false;
    }
    const clientEnd = this.clientEnd(frame.memory, frame.ip);
    const captured = headersOf(frame.memory, frame.ip, frame.capturedLength);
    const sent = ownPackets.take(frame.memory, frame.ip, clientEnd);
    if (sent !== undefined) {
      outcome.decision = 'own';
      outcome.cause = sent.cause;
      compare(outcome, sent, captured);
      return true;
    }
    const isToClient = clientEnd === 'destination';
    if (isWhole && isToClient) outcome.isUndone = this.undo.toServersPacket(frame);
    else if (isWhole && !realEndpoints.has(frame.source, frame.sourcePort)) {
      outcome.isUndone = this.undo.toClientsPacket(frame);
    }
    if (outcome.isUndone) {
      this.decideUndone(outcome, captured, clientEnd);
    } else if (isToClient) {
      outcome.decision = 'own';
      outcome.agreement = 'unexplained';
    }
    return outcome.isUndone || isToClient;
  }

  /** Decides about what the captured packet was made of, and compares what becomes of that. */
  private decideUndone(outcome: Outcome, captured: Uint8Array, clientEnd: ClientEnd): void {
    this.decide(outcome);
    const { memory, ip } = this.frame;
    const sent = outcome.decision === 'sent' && this.ownPackets.take(memory, ip, clientEnd);
    if (sent) compare(outcome, sent, captured);
    else outcome.agreement = 'unexplained';
  }

  /** Has the engine decide. */
  private decide(outcome: Outcome): void {
    const { frame, watch } = this;
    const { engine, state } = this.server;
    const hasConnection = watch.begin(frame);
    const { memory, length, offload } = frame;
    const verdict = engine.process(memory, 0, length, 0, offload, this.clock.ticks);
    switch (verdictKind(verdict)) {
      case SEND:
        outcome.decision = 'sent';
        this.send(outcome, memory, 0, frame.capturedLength, length, false);
        break;
      case ANSWER:
        outcome.decision = 'answered';
        this.sendAnswers(outcome);
        break;
      case DROP:
        outcome.decision = 'dropped';
        outcome.reason = DROP_NAMES[verdictValue(verdict)];
        break;
      case HOLD:
        outcome.decision = 'held';
        break;
      default: {
        const reason = kernelReason(frame, state, hasConnection);
        outcome.decision = 'left';
        outcome.reason = reason;
        if (this.describes) outcome.why = explainKernelReason(reason, frame);
      }
    }
    if (!this.describes) return;
    watch.end();
    outcome.connection = watch.story();
  }

  private sendAnswers(outcome: Outcome): void {
    const { memory, count, offset, length } = this.server.engine.answers;
    for (let i = 0; i < count; i++) {
      this.send(outcome, memory, offset[i], length[i], length[i], true);
    }
  }

  private send(
    outcome: Outcome,
    memory: Uint8Array,
    offset: number,
    captured: number,
    length: number,
    isAnswer: boolean,
  ): void {
    this.takeFrame(memory, offset, captured, length);
    const ip = offset + ipv4FrameHeaderBytes(memory, offset, length);
    const { packet: cause, atSeconds } = outcome;
    const end = offset + captured;
    const sent = { cause, atSeconds, bytes: headersOf(memory, ip, end), isAnswer };
    this.ownPackets.add(memory, ip, this.clientEnd(memory, ip), sent);
    if (this.describes) outcome.sent.push(describeIp(memory, ip));
  }

  /** Of a packet on its way out: from one of the director's addresses it goes to a client. */
  private clientEnd(memory: Uint8Array, ip: number): ClientEnd {
    return this.server.routes.isLocal(ipv4.source(memory, ip)) ? 'destination' : 'source';
  }
}

function compare(outcome: Outcome, sent: SentPacket, captured: Uint8Array): void {
  outcome.difference = difference(sent, captured);
  outcome.agreement = outcome.difference === null ? 'same' : 'differs';
}
