/**
 * Sees every frame before and after the director decides about it, and knows what both ends of each connection
 * mean: whether a connection stays with its server, is remembered as long as its record says, is in the state
 * its ends are in, and whether whatever disappears has been counted.
 */
import * as rec from '../dataplane/conn/record.js';
import { ESTABLISHED } from '../dataplane/conn/states.js';
import { ticksUntil } from '../dataplane/clock.js';
import type { State } from '../dataplane/state.js';
import { KERNEL, LEAVE, PARK, SEND, verdictKind } from '../dataplane/verdict.js';
import { FIN, RST, SYN } from '../dataplane/wire/tcp.js';
import type { Flows } from './clients.js';
import type { Flow } from './flow.js';
import type { Interception } from './interception.js';
import { type Frame, View } from './packet.js';
import { VIPS } from './site.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const TCP = 6;

export class Witness {
  /** The tables of the data plane that runs now. */
  state!: State;
  /** The director's clock. */
  nowTicks = 0;
  /** Strict states were in effect at some time: then ESTABLISHED comes later than the ends think. */
  wasStrict = false;
  private readonly before = new View();
  private readonly after = new View();
  private flow: Flow | undefined;
  private isFromClient = false;
  private isHidden = false;

  constructor(
    private readonly world: World,
    private readonly flows: Flows,
    private readonly interception: Interception,
  ) {}

  /** A frame that the director is about to look at. */
  sees(memory: Uint8Array, offset: number, length: number): void {
    const view = this.before.read(memory, offset, length);
    this.flow = undefined;
    this.isHidden = false;
    if (view.kind !== 'tcp') return;
    this.isHidden = this.interception.hides(view);
    this.isFromClient = VIPS.some((vip) => vip === view.destination);
    this.flow = this.isFromClient ? this.ofClient(view) : this.ofServer(view);
    this.checkForgotten();
  }

  /** What it decided. */
  decided(memory: Uint8Array, offset: number, length: number, verdict: number, frame: Frame): void {
    const kind = verdictKind(verdict);
    this.world.trace.event(verdict, () => this.words(verdict, length));
    if (kind === KERNEL) this.checkInterception(verdict, frame);
    if (this.flow === undefined) return;
    if ((kind === SEND || kind === PARK) && !frame.corrupted) {
      this.after.read(memory, offset, length);
      if (frame.isRemains !== true) this.checkRewritten(memory, frame.offload);
      if (this.isFromClient) this.checkServer();
    }
    if (frame.corrupted) this.flow.forgive('a damaged segment passed the director');
    if ((this.before.flags & RST) !== 0 && !this.flow.isReset) {
      this.flow.forgive('a reset for nobody passed the director');
    }
    this.readRecord(this.flow, kind === SEND && !frame.corrupted && frame.isRemains !== true);
  }

  /** The kernel is about to refuse a segment. */
  refused(view: View): void {
    const flow = this.ofClient(view);
    if (flow?.mustLive !== true || (view.flags & SYN) !== 0) return;
    if (this.hasExpired(flow)) flow.forgive('its record had expired');
    else throw new Violation('lost', `the kernel resets ${flow.toString()}`);
  }

  /** After a restart: every connection whose time isn't up must be there, with its server. */
  checkRemembered(): void {
    for (const flow of this.flows.open) {
      if (!flow.mustLive || !flow.hasRecord || this.hasExpired(flow)) continue;
      const c = this.recordOf(flow);
      if (c === 0) throw new Violation('lost', `${flow.toString()} did not survive`);
      const { words } = this.state.connections;
      const server = words[c * WORDS + rec.W_DESTINATION];
      // The step that was cut short may have set another timeout.
      flow.deadline = words[c * WORDS + rec.W_DEADLINE];
      if (server !== flow.server)
        throw new Violation('moved', `${flow.toString()} changed its server`);
    }
  }

  private hasExpired(flow: Flow): boolean {
    return ticksUntil(flow.deadline, this.nowTicks) <= 0;
  }

  private ofClient(view: View): Flow | undefined {
    const flow = this.flows.of(view.source, view.sourcePort);
    const isIts = flow?.virtual === view.destination && flow.virtualPort === view.destinationPort;
    return isIts ? flow : undefined;
  }

  private ofServer(view: View): Flow | undefined {
    const flow = this.flows.of(view.destination, view.destinationPort);
    return flow?.server === view.source && flow.serverPort === view.sourcePort ? flow : undefined;
  }

  private recordOf(flow: Flow): number {
    const { connections } = this.state;
    const { client, clientPort, virtual, virtualPort } = flow;
    return connections.findInbound(TCP, client, clientPort, virtual, virtualPort);
  }

  /** Left to the kernel is what the kernel sees, handed back what it doesn't. */
  private checkInterception(verdict: number, frame: Frame): void {
    if (this.before.kind !== 'tcp' || frame.corrupted || frame.isRemains === true) return;
    if (verdict === LEAVE && this.isHidden) {
      throw new Violation('interception', 'a hidden frame was left to the kernel: nobody has it');
    }
    if (verdict !== LEAVE && !this.isHidden) {
      throw new Violation('interception', 'a frame was handed back that the kernel had seen');
    }
  }

  private checkRewritten(memory: Uint8Array, offload: number): void {
    if (!this.isHidden) {
      throw new Violation('interception', `the kernel sees packets of ${String(this.flow)}, too`);
    }
    if (!this.after.isIntact(memory, offload)) {
      throw new Violation(
        'checksum',
        `a segment of ${String(this.flow)} left with a wrong checksum`,
      );
    }
  }

  /** A client's segment goes to the connection's server, whichever that was made. */
  private checkServer(): void {
    const { flow, after } = this;
    if (flow === undefined || after.kind !== 'tcp') return;
    if (flow.server === after.destination && flow.serverPort === after.destinationPort) return;
    // A director that died may have sent the SYN before anyone saw where.
    const isKnown = flow.server !== 0;
    if (isKnown && flow.mustLive && !this.hasExpired(flow)) {
      throw new Violation('moved', `${flow.toString()} changed its server`);
    }
    if (isKnown && flow.isEstablished)
      flow.forgive('it was scheduled anew after its record had expired');
    flow.server = after.destination;
    flow.serverPort = after.destinationPort;
  }

  /** A segment of a living connection finds its record, unless its time was up. */
  private checkForgotten(): void {
    const { flow } = this;
    if (flow?.mustLive !== true || !flow.hasRecord || (this.before.flags & SYN) !== 0) return;
    if (this.recordOf(flow) !== 0) return;
    if (!this.hasExpired(flow)) throw new Violation('lost', `${flow.toString()} was forgotten`);
    flow.forgive('its record had expired');
  }

  private readRecord(flow: Flow, isWhole: boolean): void {
    const c = this.recordOf(flow);
    flow.hasRecord = c !== 0;
    if (c === 0) return;
    const { words } = this.state.connections;
    const base = c * WORDS;
    flow.deadline = words[base + rec.W_DEADLINE];
    if (!isWhole || !flow.mustLive || this.wasStrict) return;
    const isPlain = (this.before.flags & (SYN | FIN | RST)) === 0;
    const hasClosed = flow.fates[0] !== null || flow.fates[1] !== null || flow.isClosing;
    if (!isPlain || hasClosed || this.before.payloadBytes === 0) return;
    const state = words[base + rec.W_META] & 0xff;
    if (state !== ESTABLISHED) {
      throw new Violation('lost', `${flow.toString()} has data but is in state ${state}`);
    }
    const left = ticksUntil(flow.deadline, this.nowTicks);
    if (left < this.state.timeouts[ESTABLISHED]) {
      throw new Violation('lost', `${flow.toString()} has data but expires in ${left} ticks`);
    }
  }

  private words(verdict: number, length: number): string {
    const { before } = this;
    const what = before.kind === 'tcp' ? `${before.sourcePort} > ${before.destinationPort}` : '';
    const { kind, flags, payloadBytes } = before;
    const flow = this.flow === undefined ? '' : ` of ${this.flow.toString()}`;
    const name = ['kernel', 'send', 'answer', 'park', 'drop', 'hold'][verdictKind(verdict)];
    return `${kind} ${what} flags ${flags} ${payloadBytes}/${length} bytes${flow}: ${name} ${verdict >> 8}`;
  }
}
