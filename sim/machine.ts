/**
 * A machine: its address and its ends of TCP connections. It checks what it receives as a kernel does, drops
 * what is damaged, and answers with a reset what it has no connection for.
 */
import { read16 } from '../dataplane/wire/bytes.js';
import { isChecksumValid } from '../dataplane/wire/checksum.js';
import * as icmp from '../dataplane/wire/icmp.js';
import * as ipv4 from '../dataplane/wire/ipv4.js';
import { RST, SYN } from '../dataplane/wire/tcp.js';
import { CLIENT, type Fate, type Flow } from './flow.js';
import type { Network, Receiver } from './network.js';
import { type Frame, resetFor, View } from './packet.js';
import type { Port } from './site.js';
import type { EndHost, TcpEnd } from './tcp.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

/** How long an end that is over still answers (TIME_WAIT), and a path's MTU is remembered. */
const TIME_WAIT_MS = 30_000;
const PATH_MTU_MS = 600_000;

const view = new View();

export abstract class Machine implements Receiver, EndHost {
  /** Ends by the machine's own way of telling connections apart. */
  protected readonly ends = new Map<number, TcpEnd>();
  private readonly pathMtus = new Map<number, number>();

  constructor(
    protected readonly world: World,
    protected readonly network: Network,
    readonly address: number,
    readonly port: Port,
  ) {}

  get nowMs(): number {
    return this.world.timeline.nowMs;
  }

  get healthyMs(): number {
    return this.world.health.healthyMs;
  }

  after(delayMs: number, action: () => void): void {
    this.world.timeline.after(delayMs, action);
  }

  mtuTo(target: number): number {
    return Math.min(this.network.lans[this.port].mtu, this.pathMtus.get(target) ?? 0xffff);
  }

  transmit(frame: Frame): void {
    this.world.tally.add('segments sent');
    this.network.toDirector(this.port, frame);
  }

  /** The end has received more: it is the application's turn. */
  abstract progressed(end: TcpEnd): void;

  ended(end: TcpEnd, fate: Fate): void {
    const { flow } = end;
    const other = flow.fates[1 - end.side];
    if (fate === 'gave up' && flow.mustLive && other === null) {
      throw new Violation('stuck', `side ${end.side} of ${flow.toString()} gave up`);
    }
    flow.fates[end.side] = fate;
    if (fate === 'gave up') flow.isReset = true;
    this.world.trace.event(end.side, () => `${flow.toString()} side ${end.side}: ${fate}`);
    if (end.side === CLIENT) {
      this.world.tally.add(`connections: client ${fate}`);
      if (flow.excuse !== null) this.world.tally.add(`forgiven: ${flow.excuse}`);
    }
    if (fate === 'completed') this.after(TIME_WAIT_MS, () => this.forget(end));
    else if (fate !== 'vanished') this.forget(end);
  }

  receive(frame: Frame): void {
    const { bytes, offload } = frame;
    view.read(bytes, 0, bytes.length);
    if (view.kind === 'icmp') this.receiveIcmp(bytes);
    if (view.kind !== 'tcp') return;
    if (!view.isIntact(bytes, offload)) {
      if (!this.network.wasDamaged) throw new Violation('checksum', 'a wrong TCP checksum arrived');
      this.world.tally.add('segments dropped for their checksum');
      return;
    }
    const end = this.endOf(view);
    if (end !== undefined) end.receive(view, bytes);
    else if (!this.accept(view)) this.answerStranger(view);
  }

  /** The end that a segment is for. */
  protected abstract endOf(segment: View): TcpEnd | undefined;

  /** Opens an end for a segment that has none; false where the machine doesn't. */
  protected abstract accept(segment: View): boolean;

  /** The connection that the machine's answer to a stranger's segment would end. */
  protected abstract flowOf(segment: View): Flow | undefined;

  protected abstract forget(end: TcpEnd): void;

  private answerStranger(segment: View): void {
    if ((segment.flags & RST) !== 0) return;
    const flow = this.flowOf(segment);
    if (flow?.mustLive === true && (segment.flags & SYN) === 0) this.checkStranger(flow);
    if (flow !== undefined) flow.isReset = true;
    this.world.tally.add('resets for strangers');
    this.transmit(resetFor(segment));
  }

  /** The machine knows nothing of a living connection whose packet it got. */
  protected abstract checkStranger(flow: Flow): void;

  /** Errors about a connection: a smaller MTU on its way, or nobody there. */
  private receiveIcmp(bytes: Uint8Array): void {
    const message = view.segment;
    const length = ipv4.totalLength(bytes, view.ip) - (message - view.ip);
    if (!isChecksumValid(bytes, message, length)) {
      if (!this.network.wasDamaged)
        throw new Violation('checksum', 'a wrong ICMP checksum arrived');
      return;
    }
    const quoted = message + icmp.ICMP_HEADER_BYTES;
    if (bytes[message] !== icmp.TYPE_UNREACHABLE || length < icmp.ICMP_HEADER_BYTES + 28) return;
    if (ipv4.source(bytes, quoted) !== this.address) return;
    const target = ipv4.destination(bytes, quoted);
    const segment = quoted + 20;
    const end = this.endTowards(target, read16(bytes, segment + 2), read16(bytes, segment));
    if (end === undefined) return;
    if (bytes[message + 1] === icmp.CODE_FRAGMENTATION_NEEDED) {
      this.pathMtus.set(target, read16(bytes, message + 6));
      this.after(PATH_MTU_MS, () => this.pathMtus.delete(target));
      this.world.tally.add('MTUs learnt from ICMP errors');
      end.mtuChanged();
    } else end.refuse();
  }

  private endTowards(remote: number, remotePort: number, localPort: number): TcpEnd | undefined {
    view.source = remote;
    view.sourcePort = remotePort;
    view.destination = this.address;
    view.destinationPort = localPort;
    return this.endOf(view);
  }
}
