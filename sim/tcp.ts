/**
 * One end of a TCP connection, small and honest: three-way handshake, sequence numbers that wrap, cumulative
 * acknowledgment, a window that opens with each acknowledgment (slow start), retransmission with backoff and
 * after three duplicate acknowledgments, FIN from either side, RST. What comes out of order is not kept but
 * asked for again. Positions count a stream's bytes from 0; its FIN is one position more.
 */
import { ACK, FIN, RST, SYN } from '../dataplane/wire/tcp.js';
import { CLIENT, SERVER, type Fate, type Flow, type Side } from './flow.js';
import { type Frame, makeSegment, type Payload, PSH, type View } from './packet.js';
import { firstWrong } from './pattern.js';
import { Timer } from './timer.js';
import { Violation } from './violation.js';

const HEADERS_BYTES = 40;
const WINDOW_BYTES = 65_535;
const FIRST_WINDOW_SEGMENTS = 4;
const FIRST_TIMEOUT_MS = 300;
const TIMEOUT_MAX_MS = 16_000;
const DUPLICATES = 3;
/** Pieces of a super-segment at most. */
const PIECES_MAX = 10;
/** Without progress for so long, faults of the network not counted, an end gives up. */
const PATIENCE_MS = 180_000;

export interface Endpoint {
  address: number;
  port: number;
}

/** What an end needs of the host that it is on. */
export interface EndHost {
  readonly nowMs: number;
  /** Grows with time, but not while a fault of network or director lasts: patience is measured by it. */
  readonly healthyMs: number;
  after(delayMs: number, action: () => void): void;
  /** Largest packet that may be sent to the address. */
  mtuTo(address: number): number;
  transmit(frame: Frame): void;
  /** The end has received more, or was opened. */
  progressed(end: TcpEnd): void;
  /** The end has ended. */
  ended(end: TcpEnd, fate: Fate): void;
}

export class TcpEnd {
  state: 'opening' | 'open' | 'over' = 'opening';
  /** Bytes received in order, the peer's FIN included. */
  received = 0;
  /** The peer's stream has ended. */
  hasFin = false;
  /** Its machine is switched off. */
  private isGone = false;
  private readonly initial: number;
  private peerInitial = 0;
  /** First position that isn't acknowledged, next one to be sent, furthest that ever was. */
  private acknowledged = 0;
  private next = 0;
  private furthest = 0;
  /** The application's: how far it has written, and whether that is all. */
  private written = 0;
  private isClosing = false;
  private window = 0;
  private duplicates = 0;
  private recovered = -1;
  private timeoutMs = FIRST_TIMEOUT_MS;
  private readonly timer: Timer;
  private progressMs: number;

  constructor(
    private readonly host: EndHost,
    readonly flow: Flow,
    readonly side: Side,
    readonly local: Endpoint,
    readonly remote: Endpoint,
  ) {
    // RFC 6528: sequence numbers go on where an earlier connection of these ends can't have been.
    this.initial = (Math.imul(local.port ^ remote.address, 0x9e3779b1) + host.nowMs * 1000) | 0;
    this.timer = new Timer(host, () => this.timedOut());
    this.progressMs = host.healthyMs;
    this.window = FIRST_WINDOW_SEGMENTS * this.segmentBytes;
  }

  /** The client's first segment. */
  open(): void {
    this.flow.initial = this.initial;
    this.sendOpening();
  }

  /** The server's first segment, in answer to a SYN. */
  accept(view: View): void {
    this.peerInitial = view.sequence;
    this.sendOpening();
  }

  /** True for the SYN this end was opened by, or one sent again. */
  isOpenedBy(view: View): boolean {
    return view.sequence === this.peerInitial;
  }

  /** Lets the application's stream reach this far, or (`isLast`) end there. */
  write(upTo: number, isLast: boolean): void {
    this.written = Math.max(this.written, upTo);
    this.isClosing ||= isLast;
    if (this.state === 'open') this.flush();
  }

  /** Ends it at once with a reset. */
  abort(): void {
    if (this.state === 'over') return;
    this.flow.isReset = true;
    this.send(RST | ACK, this.sequenceOf(this.next), null);
    this.end('reset');
  }

  /** Ends it as a machine does that loses its power. */
  vanish(): void {
    this.isGone = true;
    if (this.state !== 'over') this.end('vanished');
  }

  /** A smaller MTU was learnt on the way: what is under way is sent again in smaller segments. */
  mtuChanged(): void {
    if (this.state !== 'open') return;
    this.next = this.acknowledged;
    this.flush();
  }

  /** Refused by an ICMP error, which only an opening connection believes. */
  refuse(): void {
    if (this.state === 'opening' && this.side === CLIENT) this.end('refused');
  }

  receive(view: View, memory: Uint8Array): void {
    if (this.state === 'over') {
      if (this.isGone) return;
      if (view.payloadBytes > 0 || (view.flags & (SYN | FIN)) !== 0) this.acknowledge();
      return;
    }
    if ((view.flags & RST) !== 0) this.receiveReset(view);
    else if (this.state === 'opening') this.receiveOpening(view, memory);
    else if ((view.flags & SYN) !== 0) this.acknowledge();
    else this.receiveOpen(view, memory);
  }

  private get segmentBytes(): number {
    return this.host.mtuTo(this.remote.address) - HEADERS_BYTES;
  }

  private sequenceOf(position: number): number {
    return (this.initial + 1 + position) | 0;
  }

  private receiveReset(view: View): void {
    if (this.state === 'opening' && this.side === CLIENT) {
      if (view.acknowledgment === this.sequenceOf(0)) this.end('refused');
      return;
    }
    const ahead = (view.sequence - this.expected()) | 0;
    if (ahead < 0 || ahead >= WINDOW_BYTES) return;
    this.checkReset();
    this.end('reset');
  }

  /** A reset must come from the other end, or there must be a reason for it. */
  private checkReset(): void {
    const { flow } = this;
    const peer = flow.fates[1 - this.side];
    const isCaused = flow.isReset || flow.excuse !== null || peer !== null || !flow.isEstablished;
    if (!isCaused) throw new Violation('reset', `${this.name} was reset, and no end had done it`);
    flow.isReset = true;
  }

  private receiveOpening(view: View, memory: Uint8Array): void {
    const isAcknowledged = (view.flags & ACK) !== 0 && view.acknowledgment === this.sequenceOf(0);
    if (this.side === CLIENT) {
      if (!isAcknowledged) {
        // An end of an earlier connection answers: it is told that this is over.
        if ((view.flags & ACK) !== 0) this.send(RST, view.acknowledgment, null);
        return;
      }
      if ((view.flags & SYN) === 0) return;
      this.peerInitial = view.sequence;
      this.opened();
      this.flow.isEstablished = true;
      this.acknowledge();
      this.host.progressed(this);
    } else if ((view.flags & SYN) !== 0) {
      this.sendOpening();
    } else if (isAcknowledged) {
      this.opened();
      this.receiveOpen(view, memory);
    }
  }

  private opened(): void {
    this.state = 'open';
    this.timer.stop();
    this.progress();
  }

  private receiveOpen(view: View, memory: Uint8Array): void {
    const ahead = (view.sequence - this.expected()) | 0;
    const endsAhead = ahead + view.payloadBytes;
    if (ahead > WINDOW_BYTES || endsAhead < -WINDOW_BYTES * 4) {
      this.acknowledge();
      return;
    }
    if ((view.flags & ACK) !== 0 && !this.receiveAcknowledgment(view)) return;
    if (view.payloadBytes > 0 || (view.flags & FIN) !== 0) {
      if (view.payloadBytes > 0) this.receivePayload(view, memory, ahead);
      if ((view.flags & FIN) !== 0) this.receiveFin(view);
      this.acknowledge();
      this.host.progressed(this);
    }
    if (this.state === 'open') this.flush();
  }

  /** @returns false where the segment is about what was never sent */
  private receiveAcknowledgment(view: View): boolean {
    const position =
      this.acknowledged + ((view.acknowledgment - this.sequenceOf(this.acknowledged)) | 0);
    if (position > this.furthest || position < this.acknowledged - WINDOW_BYTES * 4) return false;
    if (position > this.acknowledged) {
      this.acknowledged = position;
      this.next = Math.max(this.next, position);
      this.window = Math.min(this.window + this.segmentBytes, WINDOW_BYTES);
      this.duplicates = 0;
      this.progress();
      this.timer.stop();
      this.endIfDone();
    } else if (position === this.acknowledged && this.next > position && view.payloadBytes === 0) {
      this.duplicates += 1;
      if (this.duplicates === DUPLICATES && this.recovered !== position) {
        this.recovered = position;
        this.next = position;
      }
    }
    return true;
  }

  private receivePayload(view: View, memory: Uint8Array, ahead: number): void {
    const { flow } = this;
    const peer = this.side === CLIENT ? SERVER : CLIENT;
    const position = this.received + ahead;
    const length = view.payloadBytes;
    if (position < 0) return;
    const wrong = firstWrong(memory, view.payloadAt, flow.streams[peer], position, length);
    if (wrong >= 0) throw new Violation('bytes', `${this.name} got a wrong byte at ${wrong}`);
    if (position + length > flow.totalBytes(peer)) {
      throw new Violation('bytes', `${this.name} got more than was ever sent`);
    }
    if (ahead <= 0 && position + length > this.received) {
      this.received = position + length;
      this.progress();
    }
  }

  private receiveFin(view: View): void {
    const end = (view.sequence + view.payloadBytes) | 0;
    if (this.hasFin || end !== this.expected()) return;
    this.received += 1;
    this.hasFin = true;
    this.progress();
    this.endIfDone();
  }

  /** The sequence number that is to come next. */
  private expected(): number {
    return (this.peerInitial + 1 + this.received) | 0;
  }

  private progress(): void {
    this.progressMs = this.host.healthyMs;
    this.timeoutMs = FIRST_TIMEOUT_MS;
  }

  private endIfDone(): void {
    const isAllSent = this.isClosing && this.acknowledged === this.written + 1;
    if (isAllSent && this.hasFin) this.end('completed');
  }

  private end(fate: Fate): void {
    this.state = 'over';
    this.timer.stop();
    this.host.ended(this, fate);
  }

  // --- sending -----------------------------------------------------------------------------------------

  private sendOpening(): void {
    if (this.side === CLIENT) this.send(SYN, this.initial, null);
    else this.send(SYN | ACK, this.initial, null);
    this.timer.start(this.timeoutMs);
  }

  private acknowledge(): void {
    this.send(ACK, this.sequenceOf(this.next), null);
  }

  private flush(): void {
    const windowEnd = this.acknowledged + this.window;
    while (this.next < this.written && this.next < windowEnd) {
      const piece = this.segmentBytes;
      const most = this.flow.usesOffload ? piece * PIECES_MAX : piece;
      const length = Math.min(this.written - this.next, windowEnd - this.next, most);
      const pieceBytes = length > piece ? piece : 0;
      const position = this.next;
      this.next += length;
      const isLast = this.isClosing && this.next === this.written;
      const payload = { stream: this.flow.streams[this.side], position, length, pieceBytes };
      this.send(ACK | PSH | (isLast ? FIN : 0), this.sequenceOf(position), payload);
      if (isLast) this.next += 1;
    }
    if (this.isClosing && this.next === this.written) {
      this.send(ACK | FIN, this.sequenceOf(this.next), null);
      this.next += 1;
    }
    this.furthest = Math.max(this.furthest, this.next);
    if (this.acknowledged === this.next || this.timer.isRunning) return;
    // Patience begins with what is first waited for.
    this.progressMs = this.host.healthyMs;
    this.timer.start(this.timeoutMs);
  }

  private send(flags: number, sequence: number, payload: Payload | null): void {
    if ((flags & FIN) !== 0) this.flow.isClosing = true;
    const fields = {
      source: this.local.address,
      sourcePort: this.local.port,
      destination: this.remote.address,
      destinationPort: this.remote.port,
      sequence,
      acknowledgment: (flags & ACK) === 0 ? 0 : this.expected(),
      flags,
    };
    this.host.transmit(makeSegment(fields, payload, this.flow.usesOffload));
  }

  private timedOut(): void {
    if (this.host.healthyMs - this.progressMs > PATIENCE_MS) {
      this.end('gave up');
      return;
    }
    this.timeoutMs = Math.min(this.timeoutMs * 2, TIMEOUT_MAX_MS);
    if (this.state === 'opening') {
      this.sendOpening();
      return;
    }
    this.timer.start(this.timeoutMs);
    this.next = this.acknowledged;
    this.window = this.segmentBytes;
    this.duplicates = 0;
    this.recovered = -1;
    this.flush();
  }

  private get name(): string {
    return `the ${this.side === CLIENT ? 'client' : 'server'} of ${this.flow.toString()}`;
  }
}
